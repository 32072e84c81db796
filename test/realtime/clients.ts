import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';

import type { CloudEvent } from '../../src/events/index.js';
import type { Answer, Ended, Standing } from '../../src/realtime/messages.js';
import type { TestApp } from '../harness/app.js';

/** Longer than a busy machine takes for anything. Milliseconds. */
const PATIENCE = 30_000;

export interface Shown {
  readonly token?: string;
  readonly lastEventId?: string;
  readonly events?: unknown;
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly errors?: readonly { pointer: string; code: string }[];
  readonly retryAfter?: number;
}

/** The application at a real port of its own. @returns its URL */
export async function listening({ app }: TestApp): Promise<string> {
  await app.fastify.listen({ port: 0, host: '127.0.0.1' });
  return `http://127.0.0.1:${(app.fastify.server.address() as AddressInfo).port}`;
}

/** A client as people write it, which remembers all that it is told. */
export class Client {
  readonly events: CloudEvent[] = [];
  readonly ends: Ended[] = [];
  readonly unsubscribed: { code: string }[] = [];
  standing: (Standing & { lastEventId: string | null }) | null = null;
  refusal: Refusal | null = null;
  /** What socket.io says of the end. */
  gone: string | null = null;
  /** Milliseconds, as performance.now() counts them. */
  goneAt = 0;
  readonly socket: Socket;

  constructor(url: string, shown: Shown, headers: Record<string, string> = {}) {
    this.socket = io(url, {
      path: '/realtime',
      transports: ['websocket'],
      auth: { ...shown },
      extraHeaders: headers,
      reconnection: false,
      forceNew: true,
    });
    this.socket.on('event', (event: CloudEvent) => this.events.push(event));
    this.socket.on('ready', (standing: Standing & { lastEventId: string | null }) => (this.standing = standing));
    this.socket.on('closing', (why: Ended) => this.ends.push(why));
    this.socket.on('unsubscribed', (why: { code: string }) => this.unsubscribed.push(why));
    this.socket.on('connect_error', (error: Error & { data?: Refusal; description?: unknown }) => {
      this.refusal = error.data ?? { status: 0, code: error.message };
    });
    this.socket.on('disconnect', (reason) => {
      this.gone = reason;
      this.goneAt = performance.now();
    });
  }

  /** Connected, and told who it is. */
  static async ready(url: string, shown: Shown, headers?: Record<string, string>): Promise<Client> {
    const client = new Client(url, shown, headers);
    await client.until(() => client.standing !== null || client.refusal !== null, 'an answer to the handshake');
    if (client.refusal) throw new Error(`Refused: ${JSON.stringify(client.refusal)}`);
    return client;
  }

  /** @returns the code of the refusal */
  static async refused(url: string, shown: Shown, headers?: Record<string, string>): Promise<Refusal> {
    const client = new Client(url, shown, headers);
    await client.until(() => client.standing !== null || client.refusal !== null, 'an answer to the handshake');
    client.close();
    if (!client.refusal) throw new Error('It was let in');
    return client.refusal;
  }

  async until(seen: () => boolean, what: string, patience = PATIENCE): Promise<void> {
    for (const end = performance.now() + patience; !seen(); await pause(5))
      if (performance.now() > end) throw new Error(`There never was ${what}`);
  }

  /** Waits for so many events. What was committed a moment before the handshake may be read a moment after it. */
  async told(count: number): Promise<void> {
    await this.until(() => this.events.length >= count, `event ${count}`);
  }

  /** Waits for so many of these. @returns all of them that came */
  async toldOf(type: string, count: number): Promise<CloudEvent[]> {
    const of = (): CloudEvent[] => this.events.filter((event) => event.type === type);
    await this.until(() => of().length >= count, `event ${count} of the type ${type}`);
    return of();
  }

  ended(): Promise<void> {
    return this.until(() => this.gone !== null, 'an end');
  }

  say(message: 'authenticate' | 'subscribe', payload: unknown): Promise<Answer> {
    return this.socket.timeout(PATIENCE).emitWithAck(message, payload) as Promise<Answer>;
  }

  close(): void {
    this.socket.close();
  }
}
