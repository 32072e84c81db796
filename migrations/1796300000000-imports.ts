import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Files of users on their way in and out: staged in pieces, with a report of every row. */
export class Imports1796300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE roster.imports (
        id uuid PRIMARY KEY,
        state text COLLATE "C" NOT NULL
          CHECK (state IN ('uploading', 'incomplete', 'queued', 'running', 'completed', 'cancelled', 'failed')),
        format text,
        on_conflict text NOT NULL CHECK (on_conflict IN ('skip', 'update', 'fail')),
        dry_run boolean NOT NULL,
        actor_id uuid,
        on_behalf_of uuid,
        permissions text[],
        bytes bigint NOT NULL,
        rows integer NOT NULL,
        position integer NOT NULL,
        created integer NOT NULL,
        updated integer NOT NULL,
        skipped integer NOT NULL,
        failed integer NOT NULL,
        problem text,
        job_id uuid,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        finished_at timestamptz,
        version integer NOT NULL
      );
      CREATE INDEX imports_created_at_idx ON roster.imports (created_at, id);
      CREATE INDEX imports_unfinished_idx ON roster.imports (updated_at) WHERE finished_at IS NULL;
      -- Rows as they were read, until they are taken over: in order of their numbers, each piece from one on.
      CREATE TABLE roster.import_chunks (
        import_id uuid NOT NULL,
        first_row integer NOT NULL,
        rows json NOT NULL,
        PRIMARY KEY (import_id, first_row),
        CONSTRAINT import_chunks_import_id_fkey FOREIGN KEY (import_id) REFERENCES roster.imports (id) ON DELETE CASCADE
      );
      -- No foreign key: each row would be checked against the one import whose lock its writer holds (a third of the cost).
      CREATE TABLE roster.import_rows (
        import_id uuid NOT NULL,
        number integer NOT NULL,
        id uuid NOT NULL,
        line integer NOT NULL,
        status text COLLATE "C" NOT NULL CHECK (status IN ('created', 'updated', 'skipped', 'failed')),
        user_id uuid,
        code text COLLATE "C",
        pointer text,
        detail text,
        PRIMARY KEY (import_id, number)
      );
      CREATE INDEX import_rows_failed_idx ON roster.import_rows (import_id, number) WHERE status = 'failed';
      -- What a dry run would have taken, so that it finds the second of two rows that name the same.
      CREATE TABLE roster.import_claims (
        import_id uuid NOT NULL,
        claim text COLLATE "C" NOT NULL,
        PRIMARY KEY (import_id, claim),
        CONSTRAINT import_claims_import_id_fkey FOREIGN KEY (import_id) REFERENCES roster.imports (id) ON DELETE CASCADE
      );
      CREATE TABLE roster.exports (
        id uuid PRIMARY KEY,
        state text COLLATE "C" NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'cancelled', 'failed')),
        format text NOT NULL CHECK (format IN ('csv', 'ndjson')),
        filter text,
        actor_id uuid,
        rows integer NOT NULL,
        total integer,
        bytes bigint NOT NULL,
        chunks integer NOT NULL,
        cursor text,
        problem text,
        job_id uuid,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        finished_at timestamptz,
        version integer NOT NULL
      );
      CREATE INDEX exports_created_at_idx ON roster.exports (created_at, id);
      CREATE INDEX exports_unfinished_idx ON roster.exports (updated_at) WHERE finished_at IS NULL;
      CREATE TABLE roster.export_chunks (
        export_id uuid NOT NULL,
        number integer NOT NULL,
        bytes bytea NOT NULL,
        PRIMARY KEY (export_id, number),
        CONSTRAINT export_chunks_export_id_fkey FOREIGN KEY (export_id) REFERENCES roster.exports (id) ON DELETE CASCADE
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE roster.export_chunks, roster.exports, roster.import_claims, roster.import_rows, roster.import_chunks,
        roster.imports;
    `);
  }
}
