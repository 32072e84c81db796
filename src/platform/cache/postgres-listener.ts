import type { Socket } from 'node:net';

import type { OnModuleDestroy } from '@nestjs/common';
import { Client } from 'pg';

import type { DatabaseAddress } from '../database/address.js';
import type { Database } from '../database/database.js';
import type { Logs } from '../logging/logger.js';
import { Listener } from './listener.js';

const RETRY_AFTER = 1000;

/**
 * LISTEN and NOTIFY on a connection of its own. A half-open socket or a transaction pooler loses notifications without
 * a word.
 */
export class PostgresListener extends Listener implements OnModuleDestroy {
  private client: Client | null = null;
  private stopped = false;
  private sent: Promise<unknown> = Promise.resolve();
  private retry: NodeJS.Timeout | undefined;
  private readonly log;

  constructor(
    private readonly address: DatabaseAddress,
    private readonly db: Database,
    logs: Logs,
  ) {
    super();
    this.log = logs.of('listener');
  }

  protected listen(channel: string): void {
    if (this.client) this.send(`LISTEN ${channel}`);
    else if (this.handlers.size === 1) void this.connect();
  }

  /** Never in a transaction: there NOTIFY takes a lock that halves the rate of commits. */
  nudge(channel: string): void {
    this.db.change('SELECT pg_notify($1, $2)', [channel, '']).catch((error: unknown) => {
      this.log.debug({ err: error, channel }, 'The nudge was lost; readers poll');
    });
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    // Not end(): a frozen server never says goodbye, and the stop would wait for it.
    if (this.client) socketOf(this.client).destroy();
  }

  private async connect(): Promise<void> {
    const client = new Client({
      connectionString: this.address.url,
      application_name: 'roster-listener',
      keepAlive: true,
      connectionTimeoutMillis: 5000,
    });
    this.client = client;
    client.on('notification', ({ channel }) => this.handlers.get(channel)?.());
    client.on('error', () => this.reconnect(client));
    client.on('end', () => this.reconnect(client));
    try {
      await client.connect();
      for (const channel of this.handlers.keys()) this.send(`LISTEN ${channel}`);
    } catch (error) {
      this.log.debug({ err: error }, 'The listening connection could not be made');
      this.reconnect(client);
    }
  }

  /** One after the other: pg no longer queues for whoever does not wait. */
  private send(text: string): void {
    const { client } = this;
    this.sent = this.sent
      .then(() => client?.query(text))
      .catch((error: unknown) => this.log.debug({ err: error }, 'LISTEN failed'));
  }

  private reconnect(lost: Client): void {
    if (this.stopped || this.client !== lost) return;
    this.client = null;
    this.retry = setTimeout(() => void this.connect(), RETRY_AFTER).unref();
  }
}

function socketOf(client: Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}
