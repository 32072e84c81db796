import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';

import { Config } from '../platform/config/config.js';
import { Logs } from '../platform/logging/logger.js';
import { Outgoing } from '../platform/outgoing/outgoing.js';
import type { OutgoingPolicy } from '../platform/outgoing/outgoing.js';
import { Indicators } from '../platform/telemetry/indicators.js';
import type { Finding } from '../platform/telemetry/indicators.js';

/** Milliseconds. */
const MANNERS = {
  timeout: 5000,
  retries: 0,
  breaker: { failures: 3, resetAfter: 1500 },
  concurrency: 1,
  queue: 1,
};
const GREETED_WITHIN = 4000;
const TRIES_EVERY = 300;
/** A server that answers nothing for two of these is left. Milliseconds. */
const PING_EVERY = 5000;

/**
 * The one connection of this process to NATS. Each time it is lost another is made, for ever: nothing that was under way
 * on the old one can come to the server later, so that what is sent again stays in its order.
 */
@Injectable()
export class BrokerConnection implements OnApplicationShutdown {
  readonly isWanted: boolean;
  private session: NatsConnection | null = null;
  private readonly listeners: ((session: NatsConnection) => void)[] = [];
  private readonly stopping = new AbortController();
  private readonly log;
  private policy: OutgoingPolicy | null = null;
  private running: Promise<void> | null = null;
  private failing = false;
  private trouble: string | null = null;

  constructor(
    private readonly config: Config,
    private readonly outgoing: Outgoing,
    private readonly indicators: Indicators,
    logs: Logs,
  ) {
    this.isWanted = config.values.NATS_URL !== null;
    this.log = logs.of('broker');
  }

  /** Begins to connect, and goes on until the process stops. It waits for nothing. */
  open(): void {
    if (!this.isWanted || this.running) return;
    this.policy = this.outgoing.policy('nats', MANNERS);
    this.indicators.register('broker', () => this.look());
    this.running = this.connectForEver();
  }

  /** The connection while there is one. */
  get current(): NatsConnection | null {
    return this.session;
  }

  /** Called with each connection, the present one included. It must not throw. */
  onOpen(listener: (session: NatsConnection) => void): void {
    this.listeners.push(listener);
    if (this.session) listener(this.session);
  }

  /** What goes wrong though NATS is there; null once it no longer does. */
  report(trouble: string | null): void {
    this.trouble = trouble;
  }

  /** Ends a connection that is no good any more: what waits for an answer on it is told at once. */
  drop(session: NatsConnection): void {
    if (this.session === session) this.session = null;
    void session.close();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.session?.close();
    await this.running;
  }

  private async connectForEver(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const session = await this.connect();
      if (session) await this.attend(session);
      await pause(TRIES_EVERY, undefined, { signal, ref: false }).catch(() => {
        // The process stops.
      });
    }
  }

  private async connect(): Promise<NatsConnection | null> {
    const { signal } = this.stopping;
    const { promise: stopped, resolve } = Promise.withResolvers<null>();
    const stop = (): void => resolve(null);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([this.policy!.execute((late) => this.dial(late)), stopped]);
    } catch (error) {
      // Told once: it tries again for ever.
      if (!this.failing) this.log.warn({ err: error }, 'NATS is away: events wait, and nothing is lost');
      this.failing = true;
      return null;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** @param late aborted when nobody waits for the connection any more: then it must not stay open */
  private async dial(late: AbortSignal): Promise<NatsConnection> {
    const session = await connect(optionsOf(this.config.values));
    if (late.aborted || this.stopping.signal.aborted) await session.close();
    return session;
  }

  /** Until the connection is lost. */
  private async attend(session: NatsConnection): Promise<void> {
    if (this.failing) this.log.info('NATS is there again');
    this.failing = false;
    this.session = session;
    for (const listener of this.listeners) listener(session);
    void this.tellOfErrors(session);
    const error = await session.closed();
    if (this.session === session) this.session = null;
    if (this.stopping.signal.aborted) return;
    this.failing = true;
    this.log.warn({ err: error ?? undefined }, 'The connection to NATS is lost: events wait, and nothing is lost');
  }

  /** What the server refuses us: a subject that we may not use. Each is told once. */
  private async tellOfErrors(session: NatsConnection): Promise<void> {
    const told = new Set<string>();
    for await (const status of session.status()) {
      if (status.type !== 'error' || told.has(status.error.message)) continue;
      told.add(status.error.message);
      this.log.warn({ err: status.error }, 'NATS refuses something');
    }
  }

  /** Losing it degrades and never fails: requests go on. */
  private look(): Finding {
    if (!this.session) return { status: 'warn', output: 'NATS is away: events wait in the database' };
    return this.trouble === null ? { status: 'pass' } : { status: 'warn', output: this.trouble };
  }
}

function optionsOf({ NATS_URL, NATS_CREDS, ROLE }: Config['values']): NodeConnectionOptions {
  const { hosts, secure, auth } = NATS_URL!;
  return {
    servers: [...hosts],
    name: `roster-${ROLE}`,
    // We make another one ourselves: this one would keep what was not sent, and send it after what came later.
    reconnect: false,
    timeout: GREETED_WITHIN,
    pingInterval: PING_EVERY,
    maxPingOut: 2,
    ...(secure ? { tls: {} } : {}),
    ...auth,
    ...(NATS_CREDS ? { authenticator: credsAuthenticator(new TextEncoder().encode(NATS_CREDS)) } : {}),
  };
}
