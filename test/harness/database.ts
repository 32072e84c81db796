import { Client } from 'pg';

import { DatabaseAddress } from '../../src/platform/database/address.js';

interface Cluster {
  readonly superUrl: string;
  readonly ownerUrl: string;
  readonly appUrl: string;
}

interface Run {
  readonly clusters: readonly Cluster[];
  readonly template: string;
  readonly folder: string;
}

const { clusters, ...shared } = JSON.parse(process.env['ROSTER_TEST_RUN']!) as Run;

/** The PostgreSQL of this worker. */
export const run = { ...shared, ...clusters[Number(process.env['JEST_WORKER_ID']) - 1]! };

function on(url: string, database: string): string {
  const address = new URL(url);
  address.pathname = `/${database}`;
  return address.href;
}

/** Asks a database of the run something, as its superuser unless another address is given. */
export async function ask<T = Record<string, unknown>>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<T[]> {
  const client = new Client({ connectionString: url });
  // Whoever asks is told of a server that goes away; one that goes between two words of theirs is nobody's to hear of.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text, values)).rows as T[];
  } finally {
    await client.end();
  }
}

/** Asks one database many things: a connection is kept between them, for making one costs more than most answers. */
export class Inquiry {
  private kept: Client | null = null;
  private isOver = false;

  constructor(private readonly url: string) {}

  async ask<T = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> {
    const client = this.take() ?? (await this.connect());
    try {
      const { rows } = await client.query(text, values);
      this.keep(client);
      return rows as T[];
    } catch (error) {
      await client.end();
      throw error;
    }
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.take()?.end();
  }

  private async connect(): Promise<Client> {
    const client = new Client({ connectionString: this.url });
    // Ended by a test, or with the server: the next question is asked on another.
    client.on('error', () => this.forget(client));
    client.on('end', () => this.forget(client));
    await client.connect();
    return client;
  }

  private take(): Client | null {
    const client = this.kept;
    this.kept = null;
    return client;
  }

  /** One at most, as if each question made its own; the rest were asked beside it. */
  private keep(client: Client): void {
    if (this.isOver || this.kept) void client.end();
    else this.kept = client;
  }

  private forget(client: Client): void {
    if (this.kept === client) this.kept = null;
  }
}

/** The same database as its superuser: for what neither role of the application may do. */
export function asSuperuser({ url }: DatabaseAddress): string {
  return on(run.superUrl, new URL(url).pathname.slice(1));
}

/** A database of its own, migrated (from the template) or `empty`. */
export async function freshDatabase(name: string, { empty = false } = {}): Promise<DatabaseAddress> {
  await ask(run.superUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await create(name, empty ? 'template0' : run.template);
  return new DatabaseAddress(on(run.appUrl, name), on(run.ownerUrl, name), false);
}

/** The database of this Jest worker: made once, shared by the files that run in it. */
export async function workerDatabase(): Promise<DatabaseAddress> {
  const name = `worker_${process.env['JEST_WORKER_ID']}`;
  const known = await ask(run.superUrl, 'SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  if (known.length === 0) await create(name, run.template);
  return new DatabaseAddress(on(run.appUrl, name), on(run.ownerUrl, name), false);
}

/** A template is copied by one at a time. */
async function create(name: string, template: string): Promise<void> {
  const client = new Client({ connectionString: run.superUrl });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock(1)');
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} OWNER roster_owner`);
  } finally {
    await client.end();
  }
}
