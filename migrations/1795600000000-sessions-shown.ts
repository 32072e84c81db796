import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What people see of their sessions. The defaults serve the version before, which starts sessions while this runs. A
 * session of before counts as seen just now: when it was last refreshed nobody knows, and whoever did so a minute ago must
 * not be signed out for having signed in two weeks ago. No row is rewritten for it.
 */
export class SessionsShown1795600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE roster.sessions
        ADD COLUMN name text,
        ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now(),
        ADD COLUMN version integer NOT NULL DEFAULT 1;
      CREATE INDEX sessions_acting_idx ON roster.sessions (actor_id) WHERE ended_at IS NULL AND actor_id IS NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX roster.sessions_acting_idx;
      ALTER TABLE roster.sessions DROP COLUMN name, DROP COLUMN last_seen_at, DROP COLUMN version;
    `);
  }
}
