import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people see of their sessions. The defaults serve the version before, which starts sessions while this runs. */
export class SessionsShown1795600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE roster.sessions
        ADD COLUMN name text,
        ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now(),
        ADD COLUMN version integer NOT NULL DEFAULT 1;
      UPDATE roster.sessions SET last_seen_at = authenticated_at;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE roster.sessions DROP COLUMN name, DROP COLUMN last_seen_at, DROP COLUMN version;
    `);
  }
}
