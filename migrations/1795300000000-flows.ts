import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * One-time proofs of every kind in one table, in place of the one for registrations; failed guesses; and who acts for a
 * user in a session. Registrations that wait are dropped: they live for ten minutes. The index on sessions is built while
 * nobody can sign in or refresh: of a partitioned table none can be built concurrently.
 */
export class Flows1795300000000 implements MigrationInterface {
  name = 'Flows1795300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE roster.flows (
        id uuid PRIMARY KEY,
        purpose text NOT NULL,
        user_id uuid,
        email_key text COLLATE "C" NOT NULL,
        token_hash bytea,
        code_hash bytea,
        tries_left integer NOT NULL,
        payload jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        code_expires_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        used_at timestamptz,
        superseded_at timestamptz,
        CONSTRAINT flows_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE
      );
      CREATE INDEX flows_live_idx ON roster.flows (purpose, email_key) WHERE used_at IS NULL AND superseded_at IS NULL;
      CREATE UNIQUE INDEX flows_token_hash_idx ON roster.flows (token_hash) WHERE token_hash IS NOT NULL;
      CREATE INDEX flows_user_id_idx ON roster.flows (user_id) WHERE user_id IS NOT NULL;
      CREATE INDEX flows_expires_at_idx ON roster.flows (expires_at);
      CREATE TABLE roster.guesses (
        account bytea NOT NULL,
        source bytea NOT NULL,
        failures integer NOT NULL,
        last_at timestamptz NOT NULL,
        blocked_until timestamptz,
        refused boolean NOT NULL,
        PRIMARY KEY (account, source)
      );
      CREATE INDEX guesses_last_at_idx ON roster.guesses (last_at);
      ALTER TABLE roster.sessions ADD COLUMN actor_id uuid;
      CREATE INDEX sessions_user_id_idx ON roster.sessions (user_id, id);
      DROP TABLE roster.registrations;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE roster.registrations (
        id uuid PRIMARY KEY,
        email text NOT NULL,
        email_key text COLLATE "C" NOT NULL,
        name text NOT NULL,
        locale text NOT NULL,
        password_hash text NOT NULL,
        code_hash bytea,
        tries_left integer NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        used_at timestamptz
      );
      CREATE INDEX registrations_email_key_idx ON roster.registrations (email_key) WHERE used_at IS NULL;
      CREATE INDEX registrations_expires_at_idx ON roster.registrations (expires_at);
      DROP INDEX roster.sessions_user_id_idx;
      ALTER TABLE roster.sessions DROP COLUMN actor_id;
      DROP TABLE roster.guesses, roster.flows;
    `);
  }
}
