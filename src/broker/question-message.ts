import type { Msg } from '@nats-io/transport-node';
import { Match } from '@nats-io/transport-node';

import { MalformedRequest, PayloadTooLarge, TokenInvalid } from '../platform/http/problems.js';
import { parseStrictJson } from '../platform/http/strict-json.js';

/** More than any question of ours needs. Bytes. */
const LARGEST = 64 * 1024;
const ID_LENGTH = 200;
const SANE_REQUEST_ID = /^[A-Za-z0-9._:-]{8,128}$/;

/**
 * Where answers may go: an inbox, also one of another account (`_R_`). Whoever asks chooses this subject, and we may
 * publish where they may not: to our own stream, or to the interface of JetStream, which deletes streams.
 */
const INBOX = /^(?:_INBOX[A-Za-z0-9_-]*\.|_R_\.)[A-Za-z0-9_.=-]{1,250}$/;

/** A question as it was asked: plain, or packed as by `ClientProxy` of NestJS, who then wants the answer so too. */
export interface Asked {
  readonly question: unknown;
  /** How the answer is packed. */
  readonly pack: (answer: string) => string;
}

const plain = (answer: string): string => answer;

export function mayBeAnswered({ reply }: Msg): boolean {
  return reply !== undefined && INBOX.test(reply);
}

/** @throws JsonRefused, PayloadTooLarge, MalformedRequest */
export function readQuestion({ data }: Msg): Asked {
  if (data.length > LARGEST) throw new PayloadTooLarge(`A question has at most ${LARGEST} bytes`);
  const value = parseStrictJson(data);
  if (!isPacket(value)) return { question: value, pack: plain };
  const { id, data: question } = value;
  if (typeof id !== 'string' || id.length > ID_LENGTH)
    throw new MalformedRequest(`The "id" of a packet must be a text of at most ${ID_LENGTH} characters`);
  return { question, pack: (answer) => `{"id":${JSON.stringify(id)},"isDisposed":true,"response":${answer}}` };
}

/** None of our questions has a member of this name. */
function isPacket(value: unknown): value is { pattern: unknown; id?: unknown; data?: unknown } {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'pattern') && Object.hasOwn(value, 'id');
}

/** @throws TokenInvalid if there are several: nobody can say which of them a proxy on the way has looked at */
export function authorizationOf(message: Msg): string | undefined {
  const given = valuesOf(message, 'authorization');
  if (given.length > 1) throw new TokenInvalid('The header authorization is there more than once');
  return given[0];
}

/** The id that whoever asks has given the question, if it is a sane one. */
export function requestIdOf(message: Msg): string | null {
  const [given = ''] = valuesOf(message, 'x-request-id');
  return SANE_REQUEST_ID.test(given) ? given : null;
}

/** However it is spelt: to NATS the case of a header's name matters, to people it does not. */
function valuesOf({ headers }: Msg, name: string): readonly string[] {
  return headers?.values(name, Match.IgnoreCase) ?? [];
}
