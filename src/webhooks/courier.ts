import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { Logs } from '../platform/logging/logger.js';
import { CallRefused, CallTimedOut } from '../platform/outgoing/circuit.js';
import { Outgoing } from '../platform/outgoing/outgoing.js';
import type { OutgoingPolicies } from '../platform/outgoing/outgoing.js';
import { VERSION } from '../platform/telemetry/version.js';
import type { ClaimedDelivery, Resting } from './delivery-queue.repository.js';
import { DestinationRefused, Destinations } from './destinations.js';
import { NoAnswer, post } from './http-call.js';
import type { HttpAnswer } from './http-call.js';
import { readRetryAfter } from './outcome.js';
import type { Attempt } from './outcome.js';
import { signatureOf } from './signature.js';
import type { DeliveryError } from './webhook-delivery.entity.js';
import { WebhookSecrets } from './webhook-secrets.js';

/** Sends to one webhook at once, in each process. */
export const AT_ONCE = 4;
const BREAKER = { failures: 5, resetAfter: 30_000 };

/** Of an answer these headers are kept: none that could hold a secret. */
const KEPT_HEADERS = ['content-type', 'content-length', 'date', 'server', 'location', 'retry-after', 'x-request-id'];
const HEADER_LENGTH = 500;

/** An answer came, and it is not 2xx. */
class NotTaken extends Error {
  constructor(readonly answer: HttpAnswer) {
    super('The delivery was not taken');
  }
}

/** A URL that is new is called at once, whatever became of the one before it. */
function keyOf({ webhookId, url }: Resting): string {
  return `${webhookId} ${url}`;
}

/** Brings one delivery to its webhook, once. */
@Injectable()
export class Courier {
  private readonly calls: OutgoingPolicies;
  private readonly log;

  constructor(
    private readonly clock: Clock,
    private readonly destinations: Destinations,
    private readonly secrets: WebhookSecrets,
    outgoing: Outgoing,
    config: Config,
    logs: Logs,
  ) {
    this.log = logs.of('webhooks');
    this.calls = outgoing.policies('webhooks', {
      timeout: config.values.WEBHOOK_TIMEOUT,
      // Its row says when it is tried again.
      retries: 0,
      breaker: BREAKER,
      concurrency: AT_ONCE,
      queue: 0,
    });
  }

  /** The webhooks that are left alone at present, each at the URL that did not answer. */
  resting(): Resting[] {
    return this.calls.resting().map((key) => {
      const [webhookId = '', url = ''] = key.split(' ');
      return { webhookId, url };
    });
  }

  /** @param stop breaks it off @returns what it came to; null if it was not tried */
  async bring(delivery: ClaimedDelivery, stop: AbortSignal): Promise<Attempt | null> {
    const at = this.clock.now();
    const since = performance.now();
    // How it went is settled with the status: the time-out is not for the body, which is waited for a little.
    const ended = async (error: DeliveryError | null, answer: HttpAnswer | null): Promise<Attempt> => {
      const latencyMs = Math.round(performance.now() - since);
      return { ...(await shown(answer, this.clock.millis())), at, url: delivery.url, error, latencyMs };
    };
    try {
      const answer = await this.calls
        .of(keyOf(delivery))
        .execute((signal) => this.send(delivery, at, AbortSignal.any([signal, stop])));
      return await ended(null, answer);
    } catch (error) {
      if (error instanceof CallRefused || stop.aborted) return null;
      if (error instanceof NotTaken) return ended('refused', error.answer);
      return ended(this.reasonOf(error, delivery), null);
    }
  }

  /** Nothing is silent: what nobody has thought of is a failure too, and tried again. */
  private reasonOf(error: unknown, { id, webhookId }: ClaimedDelivery): DeliveryError {
    if (error instanceof NoAnswer || error instanceof DestinationRefused) return error.reason;
    if (error instanceof CallTimedOut) return 'timed_out';
    this.log.error({ err: error, delivery: id, webhook: webhookId }, 'A delivery could not be sent');
    return 'not_sent';
  }

  private async send(delivery: ClaimedDelivery, at: Date, signal: AbortSignal): Promise<HttpAnswer> {
    const url = new URL(delivery.url);
    const addresses = await this.destinations.addressesOf(url);
    const body = Buffer.from(delivery.body);
    const signed = { id: delivery.eventId, timestamp: Math.floor(at.getTime() / 1000), body };
    const signature = signatureOf(signed, this.secrets.openAll(delivery, at));
    const headers = { ...headersOf(signed), 'webhook-signature': signature };
    const answer = await post({ url, addresses, headers, body, signal });
    if (answer.status < 200 || answer.status > 299) throw new NotTaken(answer);
    return answer;
  }
}

/** What goes out, but for the signature. */
export function headersOf({
  id,
  timestamp,
}: {
  readonly id: string;
  readonly timestamp: number;
}): Record<string, string> {
  return {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'user-agent': `Roster/${VERSION}`,
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
  };
}

async function shown(
  answer: HttpAnswer | null,
  now: number,
): Promise<Pick<Attempt, 'status' | 'headers' | 'body' | 'retryAfter'>> {
  if (!answer) return { status: null, headers: null, body: null, retryAfter: null };
  const { status, headers } = answer;
  const kept = KEPT_HEADERS.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, [value].flat().join(', ').slice(0, HEADER_LENGTH)]];
  });
  const retryAfter = readRetryAfter(headers['retry-after'], now);
  return { status, headers: Object.fromEntries(kept) as Record<string, string>, body: await answer.body(), retryAfter };
}
