import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';
import { runMigrations as runJobMigrations } from 'graphile-worker';
import type { DataSource } from 'typeorm';

import { OperatorFault } from '../config/operator-fault.js';
import { refuseUnverified } from './backup/unverified.js';
import { withConnection } from './data-source.js';
import { renumberFacts } from './new-cluster.js';

/** "ROST": one lock for everybody who migrates, whatever else uses this database. */
export const MIGRATION_LOCK = 0x524f5354;
const LONG = 10 * 60_000;
/** Milliseconds between two looks whether somebody else has migrated. */
const LOOKS_EVERY = 200;

export interface Migrated {
  readonly ran: readonly string[];
}

/**
 * Brings the schema to the newest migration, under an advisory lock: of two processes that start at once, one migrates
 * and the other finds it done. Then it gives the application's role its rights.
 * @throws OperatorFault where a restore was ended before its end
 * @param owner a DataSource, not yet initialised, of the role that owns the tables
 * @param applicationRole the role of DATABASE_URL; null when it is the owner itself
 */
export async function migrate(owner: DataSource, ownerUrl: string, applicationRole: string | null): Promise<Migrated> {
  return withConnection(
    ownerUrl,
    async (lock) => {
      await takeLock(lock);
      await refuseUnverified(lock);
      await lock.query('CREATE SCHEMA IF NOT EXISTS roster');
      await owner.initialize();
      try {
        const ran = await owner.runMigrations();
        await runJobMigrations({ connectionString: ownerUrl });
        await renumberFacts(lock);
        // The daily job makes them too; a machine that sleeps at that hour has them from its start.
        await lock.query('SELECT roster.ensure_partitions(now(), 3)');
        if (applicationRole) {
          await lock.query('SELECT roster.grant_application_role($1)', [applicationRole]);
          await grantJobs(lock, applicationRole);
        }
        return { ran: ran.map((migration) => migration.name) };
      } finally {
        await owner.destroy();
      }
    },
    LONG,
  );
}

/**
 * Asked for again and again: who waits for it in a statement has a snapshot, for whose end an index that is made
 * CONCURRENTLY by the one that holds the lock waits in turn, for ever.
 */
async function takeLock(client: Client): Promise<void> {
  const text = 'SELECT pg_try_advisory_lock($1) AS taken';
  for (const late = performance.now() + LONG; ; await sleep(LOOKS_EVERY)) {
    const { rows } = await client.query<{ taken: boolean }>(text, [MIGRATION_LOCK]);
    if (rows[0]!.taken) return;
    if (performance.now() > late)
      throw new OperatorFault('Another process has been migrating the database for too long');
  }
}

/**
 * graphile-worker draws a number for the name of the work with every job, and throws it away where the name is known: an
 * integer would be used up after 2,147,483,647 jobs. Begun anew, the numbers of names that are known are passed over.
 */
const NAMES_NEVER_END = `DO $$ DECLARE numbers regclass := pg_get_serial_sequence('graphile_worker._private_tasks', 'id'); BEGIN
  IF NOT (SELECT seqcycle FROM pg_sequence WHERE seqrelid = numbers) THEN
    EXECUTE format('ALTER SEQUENCE %s CYCLE', numbers);
  END IF;
END $$`;

/** graphile-worker's tables belong to the owner too; its functions run with the caller's rights, under row security. */
async function grantJobs(lock: Client, role: string): Promise<void> {
  await lock.query(NAMES_NEVER_END);
  const quoted = `"${role.replaceAll('"', '""')}"`;
  await lock.query(`
    GRANT USAGE ON SCHEMA graphile_worker TO ${quoted};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA graphile_worker TO ${quoted};
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA graphile_worker TO ${quoted};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA graphile_worker TO ${quoted};
    DO $$ DECLARE t regclass; BEGIN
      FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'graphile_worker'::regnamespace AND relrowsecurity LOOP
        EXECUTE format('DROP POLICY IF EXISTS roster_application ON %s', t);
        EXECUTE format('CREATE POLICY roster_application ON %s FOR ALL TO ${quoted.replaceAll("'", "''")} USING (true) WITH CHECK (true)', t);
      END LOOP;
    END $$;
  `);
}
