import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys by which programs prove who they are. */
export class ApiKeys1795700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE roster.api_keys (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('personal', 'service')),
        name text COLLATE "C" NOT NULL,
        prefix text NOT NULL,
        hash bytea NOT NULL,
        scopes text[] NOT NULL,
        created_at timestamptz NOT NULL,
        created_by uuid NOT NULL,
        expires_at timestamptz,
        last_used_at timestamptz,
        last_used_ip inet,
        revoked_at timestamptz,
        replaced_by uuid,
        overlap_until timestamptz,
        version integer NOT NULL,
        CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE
      );
      CREATE UNIQUE INDEX api_keys_hash_idx ON roster.api_keys (hash);
      CREATE INDEX api_keys_user_id_idx ON roster.api_keys (user_id, id);
      CREATE INDEX api_keys_created_at_idx ON roster.api_keys (created_at, id);
      CREATE INDEX api_keys_name_idx ON roster.api_keys (name, id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE roster.api_keys');
  }
}
