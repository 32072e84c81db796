import pg from 'pg';
import type { Secrets } from './secrets.js';
import type { Server } from './server.js';

export interface DatabaseUrls {
  superUrl: string;
  ownerUrl: string;
  appUrl: string;
}

export function urlsOf({ port }: Server, secrets: Secrets): DatabaseUrls {
  const url = (role: string, password: string, database: string): string =>
    `postgresql://${role}:${password}@127.0.0.1:${port}/${database}`;
  return {
    superUrl: url('postgres', secrets.superuser, 'postgres'),
    ownerUrl: url('roster_owner', secrets.owner, 'roster'),
    appUrl: url('roster_app', secrets.app, 'roster'),
  };
}

/** Creates what is absent: a start may have been killed at any point. Call it under the cluster's lock. */
export async function provision(urls: DatabaseUrls, secrets: Secrets): Promise<void> {
  await connected(urls.superUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'SELECT rolname AS name FROM pg_roles UNION SELECT datname FROM pg_database',
    );
    const present = new Set(rows.map(({ name }) => name));
    for (const [role, password] of [
      ['roster_owner', secrets.owner],
      ['roster_app', secrets.app],
    ] as const) {
      if (present.has(role)) continue;
      await client.query(
        `CREATE ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${client.escapeLiteral(password)}`,
      );
    }
    if (!present.has('roster')) await client.query('CREATE DATABASE roster OWNER roster_owner');
  });
  // As the owner, not the superuser: a migration must be able to drop it again.
  await connected(urls.ownerUrl, (client) => client.query('CREATE EXTENSION IF NOT EXISTS pg_trgm'));
}

async function connected(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 30_000 });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
