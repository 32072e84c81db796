import { setTimeout as pause } from 'node:timers/promises';
import type { Readable } from 'node:stream';

import { ApiExtension } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { DocumentedOperation, Media } from './documented.js';
import { PayloadTooLarge, RequestTimedOut, UnsupportedMediaType } from './problems.js';

const EXTENSION = 'x-streamed-body';
/** No client knows it: what a route takes as a stream is given this type before Fastify looks for a parser. */
const INTERNAL = 'application/x-roster-stream';
/** How long a sender may pause, and how long they may take in all. Milliseconds. */
const SILENT_FOR = 30_000;
const ALL_WITHIN = 60 * 60_000;
/** Whoever is refused in the middle may be sending still, and reads the answer only then. Milliseconds. */
const HEARD_OUT_FOR = 1000;

declare module 'fastify' {
  interface FastifyRequest {
    /** The media type of a body that is streamed, without parameters. */
    bodyType?: string;
  }
  interface FastifyContextConfig {
    readonly streamed?: boolean;
  }
}

/** A body that is read as it comes, however long it is: a file. By media type, with an example of each. */
export const StreamedBody = (content: Readonly<Record<string, Media>>): MethodDecorator =>
  ApiExtension(EXTENSION, { content });

/** Documents it; called after what follows from a body that is read at once. */
export function describeStreamedBody(operation: DocumentedOperation): void {
  const body = operation[EXTENSION];
  if (body && typeof body === 'object') operation.requestBody = { content: { ...body.content } };
  if (body) operation[EXTENSION] = true;
}

/** What a route needs so that its body is handed over unread. */
export function streamedRoute(takes: readonly string[]): object {
  return {
    preParsing: (request: FastifyRequest, _reply: unknown, _payload: unknown, done: () => void): void => {
      const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';');
      const known = takes.find((each) => each === type.trim().toLowerCase());
      if (known !== undefined) {
        request.bodyType = known;
        request.headers['content-type'] = [INTERNAL, ...parameters].join(';');
      }
      done();
    },
  };
}

/** @param isPlain whether a body comes neither compressed nor in another charset */
export function handOverStreams(instance: FastifyInstance, isPlain: (request: FastifyRequest) => boolean): void {
  instance.addContentTypeParser(INTERNAL, (request, payload, done) => {
    if (request.bodyType === undefined || !isPlain(request)) done(new UnsupportedMediaType());
    else done(null, payload);
  });
}

const senders = new WeakSet<object>();

/** Whether a file comes in over this connection: it is not late before its own time. */
export function isSendingFile(socket: object): boolean {
  return senders.has(socket);
}

/** The bytes of a streamed body, as they come. @throws PayloadTooLarge, RequestTimedOut */
export async function* bytesOf(request: FastifyRequest, most: number): AsyncGenerator<Buffer> {
  const payload = request.body as Readable;
  const { socket } = request.raw;
  const until = performance.now() + ALL_WITHIN;
  senders.add(socket);
  try {
    if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge(most);
    // Not by `for await`: leaving it would destroy the socket that the answer has to go over.
    const chunks = payload[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    for (let taken = 0; ;) {
      const { done, value } = await unlessSilent(chunks.next(), Math.min(SILENT_FOR, until - performance.now()));
      if (done) return;
      taken += value.length;
      if (taken > most) throw tooLarge(most);
      yield value;
    }
  } finally {
    senders.delete(socket);
  }
}

/** Lets whoever is about to be refused finish, for a while: what they send goes nowhere. Then the connection ends. */
export async function hearOut(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const payload = request.body as Readable;
  if (payload.readableEnded || payload.destroyed) return;
  const ended = new Promise<void>((resolve) => payload.once('end', resolve).once('close', resolve));
  payload.on('error', () => undefined).resume();
  await Promise.race([ended, pause(HEARD_OUT_FOR, undefined, { ref: false })]);
  if (!payload.readableEnded) void reply.header('Connection', 'close');
}

async function unlessSilent<T>(next: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RequestTimedOut()), Math.max(0, milliseconds));
  });
  try {
    return await Promise.race([next, silence]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(most: number): Error {
  return new PayloadTooLarge(`A file may have ${most} bytes`);
}
