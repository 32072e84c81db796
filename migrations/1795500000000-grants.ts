import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Roles that are changed at run time, and permissions given to somebody directly, for a time or for good. */
export class Grants1795500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Rows are given their ids by the application; this one is for roles that a process of the version before makes.
      CREATE FUNCTION roster.new_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
        SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
          PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
          52, 1), 53, 1), 'hex')::uuid
      $$;
      ALTER TABLE roster.roles
        ADD COLUMN id uuid NOT NULL DEFAULT roster.new_id(),
        ADD COLUMN mfa_required boolean NOT NULL DEFAULT false,
        ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
        ADD COLUMN version integer NOT NULL DEFAULT 1;
      UPDATE roster.roles SET updated_at = created_at;
      CREATE UNIQUE INDEX roles_id_idx ON roster.roles (id);
      CREATE INDEX roles_name_idx ON roster.roles (name, id);
      CREATE INDEX roles_created_at_idx ON roster.roles (created_at, id);
      CREATE TABLE roster.user_permissions (
        user_id uuid NOT NULL,
        permission text COLLATE "C" NOT NULL,
        granted_at timestamptz NOT NULL,
        granted_by uuid,
        expires_at timestamptz,
        reason text,
        PRIMARY KEY (user_id, permission),
        CONSTRAINT user_permissions_user_id_fkey FOREIGN KEY (user_id) REFERENCES roster.users (id) ON DELETE CASCADE,
        CONSTRAINT user_permissions_permission_fkey FOREIGN KEY (permission) REFERENCES roster.permissions (name) ON DELETE CASCADE
      );
      CREATE INDEX user_permissions_permission_idx ON roster.user_permissions (permission);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE roster.user_permissions;
      DROP INDEX roster.roles_name_idx, roster.roles_created_at_idx;
      ALTER TABLE roster.roles DROP COLUMN id, DROP COLUMN mfa_required, DROP COLUMN updated_at, DROP COLUMN version;
      DROP FUNCTION roster.new_id();
    `);
  }
}
