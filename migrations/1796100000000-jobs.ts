import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The record of background jobs, and of the processes that run them. */
export class Jobs1796100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Rows are changed twice or thrice soon after they were written, and vacuumed before they are many.
    await runner.query(`
      CREATE TABLE roster.jobs (
        id uuid PRIMARY KEY,
        name text COLLATE "C" NOT NULL,
        queue text COLLATE "C",
        key text COLLATE "C",
        state text NOT NULL
          CONSTRAINT jobs_state_check CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'dead', 'cancelled')),
        payload jsonb,
        is_secret boolean NOT NULL,
        is_long boolean NOT NULL,
        attempts integer NOT NULL,
        spared integer NOT NULL,
        max_attempts integer NOT NULL,
        crashes integer NOT NULL,
        progress_done bigint,
        progress_total bigint,
        result jsonb,
        last_error text,
        actor_id uuid,
        worker text COLLATE "C",
        created_at timestamptz NOT NULL,
        run_at timestamptz NOT NULL,
        started_at timestamptz,
        finished_at timestamptz,
        cancel_requested_at timestamptz,
        version integer NOT NULL
      ) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
      CREATE INDEX jobs_created_at_idx ON roster.jobs (created_at, id);
      CREATE INDEX jobs_name_idx ON roster.jobs (name, created_at, id);
      CREATE INDEX jobs_unfinished_idx ON roster.jobs (state, run_at) WHERE state IN ('queued', 'running', 'failed', 'dead');
      CREATE UNIQUE INDEX jobs_key_idx ON roster.jobs (name, key) WHERE key IS NOT NULL AND state IN ('queued', 'failed');
      CREATE TABLE roster.job_workers (
        id text COLLATE "C" PRIMARY KEY,
        host text NOT NULL,
        pid integer NOT NULL,
        kinds text[] COLLATE "C" NOT NULL,
        started_at timestamptz NOT NULL,
        beat_at timestamptz NOT NULL
      );
    `);
  }

  /** What waits is owed as the version before owes it: by a plain ticket that carries the payload. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DO $$ BEGIN
        IF to_regclass('graphile_worker._private_jobs') IS NOT NULL THEN
          DELETE FROM graphile_worker._private_jobs t USING graphile_worker._private_tasks k
            WHERE k.id = t.task_id AND (k.identifier LIKE 'job:%' OR k.identifier = 'jobs.schedule');
          PERFORM graphile_worker.add_job(name, payload::json, queue, run_at, greatest(1, max_attempts - attempts + spared), key)
            FROM roster.jobs WHERE state IN ('queued', 'running', 'failed') AND payload IS NOT NULL ORDER BY run_at, id;
        END IF;
      END $$;
    `);
    await runner.query('DROP TABLE roster.job_workers; DROP TABLE roster.jobs');
  }
}
