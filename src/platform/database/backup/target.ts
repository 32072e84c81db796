import type { Client } from 'pg';

import { OperatorFault } from '../../config/operator-fault.js';
import { withConnection } from '../data-source.js';
import { MIGRATION_LOCK } from '../migrate.js';
import { UNVERIFIED, isUnverified } from './unverified.js';

/** What one statement may take: a table of many millions is looked through. Milliseconds. */
export const LONG = 6 * 60 * 60_000;

/**
 * Keeps everybody from starting on a database while `work` copies from it or into it: a start waits for the same lock
 * before it migrates.
 * @throws OperatorFault if somebody is at work on it already
 */
export function whileClosed<T>(ownerUrl: string, work: () => Promise<T>): Promise<T> {
  return withConnection(
    ownerUrl,
    async (client) => {
      const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
        MIGRATION_LOCK,
      ]);
      const place = placeOf(ownerUrl);
      if (!rows[0]!.locked)
        throw new OperatorFault(`Another process migrates, restores or moves the database ${place}: wait for it.`);
      await refuseRunning(client, place);
      return work();
    },
    LONG,
  );
}

const RUNNING = `
  SELECT count(*)::int AS connections FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND (application_name = 'roster' OR application_name LIKE 'roster-%')`;

async function refuseRunning(client: Client, place: string): Promise<void> {
  const { rows } = await client.query<{ connections: number }>(RUNNING);
  const { connections } = rows[0]!;
  if (connections > 0)
    throw new OperatorFault(
      `Roster runs on the database ${place} (${connections} connections): stop every process of it first.`,
    );
}

const THERE = `
  SELECT to_regnamespace('roster') IS NOT NULL AS schema, to_regnamespace('graphile_worker') IS NOT NULL AS jobs,
    to_regclass('graphile_worker._private_jobs') IS NOT NULL AS queue,
    (SELECT count(*)::int FROM pg_class WHERE relnamespace = to_regnamespace('roster')) AS relations`;

interface There {
  readonly schema: boolean;
  readonly jobs: boolean;
  readonly queue: boolean;
  readonly relations: number;
}

/**
 * Nothing is ever written over what is there. An empty schema of a careful administrator, an empty queue that a killed
 * restore has left, and what one has left of which nobody knows whether it is whole, are nothing.
 * @returns what the restore will have made, and takes away again if it fails
 */
export async function refuseFilled(client: Client, place: string): Promise<There> {
  if (await isUnverified(client)) await client.query(EMPTY);
  const there = (await client.query<There>(THERE)).rows[0]!;
  const owed = there.jobs && !(there.queue && (await isEmpty(client, 'graphile_worker._private_jobs')));
  if (there.relations === 0 && !owed) return there;
  throw new OperatorFault(
    `The database ${place} is not empty: it has tables of Roster, and nothing is written over them. Name a new database ` +
      'by DATABASE_URL and DATABASE_MIGRATION_URL; or, for the embedded one, another DATA_DIR, or move DATA_DIR/postgres-* ' +
      'away while Roster is stopped.',
  );
}

// The mark last: in one transaction, for it is one question.
const EMPTY = `DROP SCHEMA IF EXISTS roster CASCADE; DROP SCHEMA IF EXISTS graphile_worker CASCADE; DROP SCHEMA ${UNVERIFIED}`;

async function isEmpty(client: Client, table: string): Promise<boolean> {
  const { rows } = await client.query<{ empty: boolean }>(`SELECT NOT EXISTS (SELECT FROM ${table}) AS empty`);
  return rows[0]!.empty;
}

/** For a restore that failed after something was committed into a database that was empty before. */
export async function emptyAgain(ownerUrl: string, { schema, jobs }: There): Promise<void> {
  await withConnection(
    ownerUrl,
    async (client) => {
      await client.query(`DROP SCHEMA IF EXISTS roster CASCADE${schema ? '; CREATE SCHEMA roster' : ''}`);
      if (!jobs) await client.query('DROP SCHEMA IF EXISTS graphile_worker CASCADE');
      await client.query(`DROP SCHEMA IF EXISTS ${UNVERIFIED}`);
    },
    LONG,
  );
}

/** Host, port and database: never the password. */
export function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
