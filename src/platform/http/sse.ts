import { Readable } from 'node:stream';

import { HttpCode, applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { currentRequest, runInRequest } from '../logging/request-context.js';
import type { RequestContext } from '../logging/request-context.js';
import { varyBy } from './negotiation/accept.js';
import { renewed } from './negotiation/list-stream.js';
import { EVENT_STREAM } from './negotiation/media-types.js';

/** Milliseconds between two looks whether the reader still may, and between two signs of life. */
const READMITTED_EVERY = 500;
const BEATS_EVERY = 15_000;
/** What a reader may have left unread: above the first, whoever reads the past for them waits; at the second they are dropped. */
const FULL = 64 * 1024;
const MOST_UNREAD = 512 * 1024;
/** After this long without a connection a client asks again. Milliseconds. */
const RETRY = 2000;
/** Streams of one account in one process; one more ends the oldest. */
const MOST_OF_ONE = 100;
/** What is left to those who do not read when the server stops. Milliseconds. */
const RESPITE = 1000;

export interface ServerSentEvent {
  /** What the reader comes back with as `Last-Event-ID`. */
  readonly id?: string;
  /** Its kind; `message` unless told. */
  readonly event?: string;
  /** Objects travel as JSON. */
  readonly data: object | string;
}

interface StreamExample {
  /** What the events tell, in a sentence for the document. */
  readonly about: string;
  /** Some lines of it. */
  readonly example: string;
}

/** Names an operation that is answered by a stream of events (HTML Standard, 9.2), for the document. */
export function StreamOperation(
  operationId: string,
  summary: string,
  { about, example }: StreamExample,
  description?: string,
): MethodDecorator {
  const schema = { type: 'string' as const, description: 'Events, as the HTML Standard writes them (9.2.6)' };
  return applyDecorators(
    HttpCode(200),
    ApiOperation({ operationId, summary, description }),
    ApiResponse({ status: 200, description: about, content: { [EVENT_STREAM]: { schema, example } } }),
  );
}

const open = new WeakMap<object, Set<EventStream>>();
let watch: NodeJS.Timeout | undefined;
const all = new Set<EventStream>();

/**
 * Answers by a stream of events, which ends with its reader, their right to it, the server or the signal. What has to
 * be refused is refused before.
 */
export function openStream(reply: FastifyReply, { signal }: { signal?: AbortSignal } = {}): EventStream {
  const { request } = reply;
  const stream = new EventStream(request, currentRequest());
  makeRoom(stream.owner);
  const { server } = request.server;
  const ofServer = open.get(server) ?? new Set();
  open.set(server, ofServer.add(stream));
  all.add(stream);
  watch ??= setInterval(lookAtReaders, READMITTED_EVERY).unref();
  // Not before: what it was sent may wait for a reader who never takes it.
  stream.text.once('close', () => {
    all.delete(stream);
    ofServer.delete(stream);
  });
  if (signal?.aborted || request.method === 'HEAD') stream.close();
  signal?.addEventListener('abort', () => stream.close(), { once: true, signal: stream.closed });
  varyBy(reply, 'Authorization');
  // Nobody between here and there may gather what comes, nor keep it.
  void reply
    .headers({ 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no', 'Content-Type': EVENT_STREAM })
    .send(stream.text);
  return stream;
}

/** Streams have no end of their own: a server that closes would wait for them for ever. */
export function endStreamsWith(instance: FastifyInstance): void {
  instance.addHook('preClose', (done) => {
    const streams = open.get(instance.server) ?? new Set();
    for (const stream of streams) stream.close();
    setTimeout(() => streams.forEach(({ text }) => text.destroy()), RESPITE).unref();
    done();
  });
}

function makeRoom(owner: string | undefined): void {
  const own = [...all].filter((stream) => stream.owner === owner);
  if (owner !== undefined && own.length >= MOST_OF_ONE) own[0]!.close();
}

/** One reader. What they do not take is kept for a while; what they never take ends the stream. */
export class EventStream {
  readonly text: Readable;
  readonly owner: string | undefined;
  private readonly gone = new AbortController();
  private waiting: (() => void)[] = [];
  private readonly readmit: FastifyRequest['readmit'];
  private readmitting = false;
  private beatAt = performance.now();
  /** How far they are, though nothing was for them. */
  private place: (() => string) | null = null;
  /** Nothing was taken since the last sign of life. */
  private stalled = false;

  constructor(
    request: FastifyRequest,
    private readonly context: RequestContext | undefined,
  ) {
    this.readmit = request.readmit;
    this.owner = request.principal?.userId;
    this.text = new Readable({ highWaterMark: FULL, read: () => this.taken() });
    this.text.push(`retry: ${RETRY}\n\n`);
    this.text.once('close', () => this.end());
    this.text.once('error', () => this.end());
  }

  /** Aborted when nobody reads any more, whoever ended it. */
  get closed(): AbortSignal {
    return this.gone.signal;
  }

  /** @returns false when it is over, or is over now: this reader is too slow to be kept */
  send({ id, event, data }: ServerSentEvent): boolean {
    this.place = null;
    const lines = (typeof data === 'string' ? data : JSON.stringify(data)).split(/\r\n|\r|\n/);
    const named = event === undefined ? '' : `event: ${event}\n`;
    return this.write(
      `${id === undefined ? '' : `id: ${id}\n`}${named}${lines.map((at) => `data: ${at}\n`).join('')}\n`,
    );
  }

  /**
   * What they were not told lies behind them: they are told so when there has been nothing for long.
   * @param place made only then
   */
  passed(place: () => string): void {
    this.place = place;
  }

  /** Waits until the reader has taken what was sent, as far as to have room; for whoever sends much at once. */
  async hasRoom(): Promise<void> {
    await this.room();
  }

  /** The same for whoever need not wait where there is room. */
  room(): Promise<void> | null {
    if (this.closed.aborted || this.text.readableLength < FULL) return null;
    return new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Work for this reader, later than a request may take: in its name, and with a budget of its own. */
  ask<T>(work: () => T): T {
    return runInRequest(renewed(this.context), work);
  }

  /** After what was sent already. */
  close(): void {
    if (this.closed.aborted) return;
    this.text.push(null);
    this.end();
  }

  /** Ends it under somebody who may no longer read: what they have not taken yet goes nowhere. */
  async readmitOrCut(): Promise<void> {
    if (this.readmitting) return;
    this.readmitting = true;
    try {
      // What is left of one that is over is read by somebody who could have read it before.
      if (!this.closed.aborted) await this.ask(async () => this.readmit?.());
      this.beat();
    } catch {
      this.cut();
    } finally {
      this.readmitting = false;
    }
  }

  private write(text: string): boolean {
    if (this.closed.aborted) return false;
    if (this.text.readableLength + text.length > MOST_UNREAD) this.cut();
    else this.text.push(text);
    return !this.closed.aborted;
  }

  /** Keeps what stands between from taking silence for an end, and finds out who is gone. */
  private beat(): void {
    const now = performance.now();
    if (now - this.beatAt < BEATS_EVERY) return;
    this.beatAt = now;
    if (this.stalled && this.text.readableLength > 0) this.cut();
    // An id alone is no message, and remembered all the same (HTML Standard, 9.2.6).
    else this.write(this.place === null ? ':\n\n' : `id: ${this.place()}\n\n`);
    this.stalled = true;
  }

  private taken(): void {
    this.stalled = false;
    const { waiting } = this;
    this.waiting = [];
    for (const goOn of waiting) goOn();
  }

  private cut(): void {
    if (this.text.readableLength === 0) this.close();
    else this.text.destroy();
    this.end();
  }

  private end(): void {
    this.gone.abort();
    this.taken();
  }
}

function lookAtReaders(): void {
  for (const stream of all) void stream.readmitOrCut();
}
