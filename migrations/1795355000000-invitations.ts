import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who was asked to take over an account, by whom, and what became of it. */
export class Invitations1795355000000 implements MigrationInterface {
  name = 'Invitations1795355000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE roster.invitations (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL,
        email text NOT NULL,
        email_key text COLLATE "C" NOT NULL,
        roles text[] NOT NULL,
        invited_by uuid,
        created_at timestamptz NOT NULL,
        sent_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        accepted_at timestamptz,
        revoked_at timestamptz,
        flow_id uuid NOT NULL,
        version integer NOT NULL,
        CONSTRAINT invitations_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE
      );
      CREATE INDEX invitations_user_id_idx ON roster.invitations (user_id);
      CREATE UNIQUE INDEX invitations_open_user_id_idx ON roster.invitations (user_id)
        WHERE accepted_at IS NULL AND revoked_at IS NULL;
      CREATE UNIQUE INDEX invitations_flow_id_idx ON roster.invitations (flow_id);
      CREATE INDEX invitations_created_at_idx ON roster.invitations (created_at, id);
      CREATE INDEX invitations_email_key_idx ON roster.invitations (email_key, id);
      CREATE INDEX invitations_email_key_trgm_idx ON roster.invitations USING gin (email_key gin_trgm_ops);
      CREATE INDEX invitations_open_idx ON roster.invitations (created_at, id)
        WHERE accepted_at IS NULL AND revoked_at IS NULL;
      CREATE INDEX invitations_accepted_at_idx ON roster.invitations (created_at, id) WHERE accepted_at IS NOT NULL;
      CREATE INDEX invitations_revoked_at_idx ON roster.invitations (created_at, id) WHERE revoked_at IS NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE roster.invitations');
  }
}
