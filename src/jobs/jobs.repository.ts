import { Injectable } from '@nestjs/common';

import { Database, lookup, statement } from '../platform/database/database.js';
import { isCancelled, isLockNotAvailable } from '../platform/database/database-errors.js';
import { turnSql } from '../platform/database/turn.js';
import type { PageStatement } from '../platform/http/lists/keyset.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import type { JobState } from './job.js';

/** A job as it is shown: of a secret one without what it is about. */
export interface JobRow {
  readonly id: string;
  readonly name: string;
  readonly queue: string | null;
  readonly key: string | null;
  readonly state: JobState;
  readonly isSecret: boolean;
  readonly payload: object | null;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly progressDone: string | null;
  readonly progressTotal: string | null;
  readonly result: unknown;
  readonly lastError: string | null;
  readonly actorId: string | null;
  readonly worker: string | null;
  readonly createdAt: Date;
  readonly runAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly cancelRequestedAt: Date | null;
  readonly version: number;
}

/** A job that is owed. */
export interface OwedJob {
  readonly id: string;
  readonly name: string;
  readonly queue: string | null;
  readonly key: string | null;
  readonly payload: object;
  readonly isSecret: boolean;
  readonly maxAttempts: number;
  readonly isLong: boolean;
  readonly runAt: Date | null;
  readonly actorId: string | null;
}

/** What is owed by the clock. */
export type Stroke = Pick<OwedJob, 'id' | 'name' | 'maxAttempts' | 'isLong'> & { readonly key: string };

/** The last run of a schedule. */
export interface LastRun {
  readonly name: string;
  readonly id: string;
  readonly state: JobState;
  readonly createdAt: Date;
}

export const JOB_COLUMNS = `j.id, j.name, j.queue, j.key, j.state, j.is_secret AS "isSecret",
  CASE WHEN NOT j.is_secret THEN j.payload END AS payload, j.attempts - j.spared AS attempts, j.max_attempts AS "maxAttempts",
  j.progress_done AS "progressDone", j.progress_total AS "progressTotal", j.result, j.last_error AS "lastError",
  j.actor_id AS "actorId", j.worker, j.version, j.created_at AS "createdAt", j.run_at AS "runAt",
  j.started_at AS "startedAt", j.finished_at AS "finishedAt", j.cancel_requested_at AS "cancelRequestedAt"`;
export const JOBS = 'roster.jobs j';

/** What a ticket is for. Older versions do not know it, and so take none of ours, in which they would see a payload. */
export const taskOf = (name: string): string => `job:${name}`;
/** A ticket never dies of being tried: that is for the record to say. */
export const TICKET = (job: string, mode = 'replace'): string =>
  `(graphile_worker.add_job('job:' || ${job}.name, json_build_object('job', ${job}.id), ${job}.queue, ${job}.run_at, 32767,
    ${job}.id::text, job_key_mode => '${mode}')).id`;

/**
 * Of a job whose id nobody has seen: what looks for the key first looks by a plan that may be of the time when the table
 * was small, through all of it (2.8 ms in place of 0.2, tried).
 */
const NEW_TICKET = TICKET('owed', 'unsafe_dedupe');

const OWED = `INSERT INTO roster.jobs (id, name, queue, key, state, payload, is_secret, attempts, spared, max_attempts, crashes,
    version, actor_id, created_at, run_at, is_long)`;
// By the statement's clock, not the transaction's: jobs of one transaction keep their order too.
const OWED_NOW = `SELECT $1::uuid, $2::text, $3::text, $4::text, 'queued', $5::jsonb, $6::boolean, 0, 0, $7::integer, 0, 1, $9::uuid, clock_timestamp(),
    coalesce($8::timestamptz, clock_timestamp()), $10::boolean`;
const ADD = statement(
  'jobs_add',
  `WITH owed AS (${OWED} ${OWED_NOW} RETURNING id, name, queue, run_at)
   SELECT owed.id, ${NEW_TICKET} AS ticket FROM owed`,
);
// One after the other: of a hundred who meet at a row each that ends wakes all others, and one of them goes on (tried).
const ADD_KEYED = statement(
  'jobs_add_keyed',
  `WITH ${turnSql(`'job ' || $2::text || ' ' || $4::text`)}, owed AS (${OWED} ${OWED_NOW} FROM turn
     ON CONFLICT (name, key) WHERE key IS NOT NULL AND state IN ('queued', 'failed') DO UPDATE SET
       state = 'queued', queue = excluded.queue, payload = excluded.payload, max_attempts = excluded.max_attempts, is_long = excluded.is_long,
       spared = jobs.attempts, crashes = 0, last_error = NULL, actor_id = excluded.actor_id, run_at = excluded.run_at,
       cancel_requested_at = NULL, progress_done = NULL, progress_total = NULL, version = jobs.version + 1
     RETURNING id, name, queue, run_at)
   SELECT owed.id, ${TICKET('owed')} AS ticket FROM owed`,
);
const ADD_SCHEDULED = statement(
  'jobs_add_scheduled',
  `WITH owed AS (${OWED}
     SELECT $1::uuid, $2::text, NULL, $3::text, 'queued', '{}', false, 0, 0, $4::integer, 0, 1, NULL, clock_timestamp(),
       clock_timestamp(), $5::boolean
     WHERE $6::timestamptz IS NULL OR NOT EXISTS (SELECT 1 FROM roster.jobs
       WHERE name = $2::text AND created_at > $6 - interval '1 day' AND started_at >= $6)
     ON CONFLICT DO NOTHING RETURNING id, name, queue, run_at)
   SELECT owed.id, ${NEW_TICKET} AS ticket FROM owed`,
);
const FIND = lookup('jobs_find', `SELECT ${JOB_COLUMNS} FROM ${JOBS} WHERE j.id = $1`);
const FIND_ALL = statement('jobs_find_all', `SELECT ${JOB_COLUMNS} FROM ${JOBS} WHERE j.id = ANY($1::uuid[])`);
const LOCK = statement('jobs_lock', `SELECT ${JOB_COLUMNS} FROM ${JOBS} WHERE j.id = $1 FOR UPDATE OF j`);
// Of a ticket that a worker holds already nothing more can be had than that it is not tried again; the record refuses it.
const CANCEL = statement(
  'jobs_cancel',
  `WITH cancelled AS (UPDATE roster.jobs SET state = 'cancelled', finished_at = clock_timestamp(),
     payload = CASE WHEN NOT is_secret THEN payload END, version = version + 1 WHERE id = $1 RETURNING id)
   SELECT (graphile_worker.remove_job(id::text)).id FROM cancelled`,
);
const ASK_TO_CANCEL = statement(
  'jobs_ask_to_cancel',
  `UPDATE roster.jobs SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()), version = version + 1
   WHERE id = $1`,
);
const RETRY = statement(
  'jobs_retry',
  `WITH again AS (UPDATE roster.jobs SET state = 'queued', spared = attempts, crashes = 0, run_at = clock_timestamp(),
       finished_at = NULL, cancel_requested_at = NULL, version = version + 1
       WHERE id = $1 AND payload IS NOT NULL RETURNING id, name, queue, run_at)
   SELECT ${TICKET('again')} AS ticket FROM again`,
);
const HOLD = statement(
  'jobs_hold',
  `SELECT 1 FROM roster.jobs WHERE id = $1 AND attempts = $2 AND worker = $3 AND state = 'running' FOR NO KEY UPDATE`,
);
const SUCCEED = statement(
  'jobs_succeed',
  `UPDATE roster.jobs SET state = 'succeeded', finished_at = clock_timestamp(), worker = NULL, result = $2::jsonb,
     last_error = NULL, payload = CASE WHEN NOT is_secret THEN payload END, version = version + 1 WHERE id = $1`,
);
const LAST_RUNS = statement(
  'jobs_last_runs',
  `SELECT s.name, j.id, j.state, j.created_at AS "createdAt" FROM unnest($1::text[]) AS s (name)
   CROSS JOIN LATERAL (SELECT id, state, created_at FROM roster.jobs WHERE name = s.name
     ORDER BY created_at DESC, id DESC LIMIT 1) j`,
);

@Injectable()
export class JobsRepository {
  constructor(private readonly db: Database) {}

  /** @returns the id: of this job, or of the one whose place it takes */
  async add({ payload, ...owed }: OwedJob): Promise<string> {
    const { id, name, queue, key, isSecret, maxAttempts, runAt, actorId, isLong } = owed;
    const values = [id, name, queue, key, JSON.stringify(payload), isSecret, maxAttempts, runAt, actorId, isLong];
    return (await this.db.row<{ id: string }>(key === null ? ADD : ADD_KEYED, values))!.id;
  }

  /** Nothing if it was added already, if one of its key waits, or if one was begun since it was `missed`. */
  async addScheduled({ id, name, key, maxAttempts, isLong }: Stroke, missed: Date | null): Promise<void> {
    await this.db.row(ADD_SCHEDULED, [id, name, key, maxAttempts, isLong, missed]);
  }

  find(id: string): Promise<JobRow | null> {
    return this.db.row<JobRow>(FIND, [id]);
  }

  findAll(ids: readonly string[]): Promise<JobRow[]> {
    return this.db.rows<JobRow>(FIND_ALL, [ids]);
  }

  lock(id: string): Promise<JobRow | null> {
    return this.db.row<JobRow>(LOCK, [id]);
  }

  /** One that waits. */
  async cancel(id: string): Promise<void> {
    await this.db.row(CANCEL, [id]);
  }

  /** One that runs. */
  async askToCancel(id: string): Promise<void> {
    await this.db.change(ASK_TO_CANCEL, [id]);
  }

  /** @returns whether it is still known what it is about */
  async retry(id: string): Promise<boolean> {
    return (await this.db.row(RETRY, [id])) !== null;
  }

  /** Whether the job is still this attempt's, and stays so until the transaction ends. */
  async hold(id: string, attempt: number, worker: string): Promise<boolean> {
    return (await this.db.row(HOLD, [id, attempt, worker])) !== null;
  }

  async succeed(id: string, result: string | null): Promise<void> {
    await this.db.change(SUCCEED, [id, result]);
  }

  lastRuns(names: readonly string[]): Promise<LastRun[]> {
    return this.db.rows<LastRun>(LAST_RUNS, [names]);
  }

  /** Forgets what was over before a moment, and what graphile-worker keeps without need. @returns how many jobs */
  async prune(before: Date): Promise<number> {
    const pruned = await this.db.changeAll(
      `DELETE FROM roster.jobs WHERE id IN (SELECT id FROM roster.jobs
         WHERE created_at < $1 AND finished_at < $1 ORDER BY created_at LIMIT $2)`,
      [before],
    );
    // Tickets that another took the place of while a process that died had them.
    await this.db.change(
      'DELETE FROM graphile_worker._private_jobs WHERE attempts = max_attempts AND locked_at IS NULL AND key IS NULL',
    );
    await this.pruneQueues();
    return pruned;
  }

  /** One page; a question that no index serves is cut by the server. @throws FilterTooCostly */
  page({ text, parameters }: PageStatement): Promise<(JobRow & { sort_key: string | null })[]> {
    return unlessTooCostly(this.db.rows(text, parameters));
  }

  /** How many there are, counted no further than `most`. @throws FilterTooCostly */
  async count(where: string, parameters: readonly unknown[], most: number): Promise<number> {
    const text = `SELECT count(*)::int AS count FROM (SELECT 1 FROM roster.jobs j WHERE ${where} LIMIT ${most}) counted`;
    return (await unlessTooCostly(this.db.row<{ count: number }>(text, [...parameters])))!.count;
  }

  /** The queues in which nothing waits. Under a lock, or a job that comes meanwhile would be in none; in an hour is soon enough. */
  private async pruneQueues(): Promise<void> {
    try {
      await this.db.transaction(async () => {
        await this.db.change(`SET LOCAL lock_timeout = '500ms'`);
        await this.db.change('LOCK TABLE graphile_worker._private_job_queues IN SHARE ROW EXCLUSIVE MODE');
        await this.db.change(
          `DELETE FROM graphile_worker._private_job_queues q WHERE locked_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM graphile_worker._private_jobs t WHERE t.job_queue_id = q.id)`,
        );
      });
    } catch (error) {
      if (!isLockNotAvailable(error)) throw error;
    }
  }
}

async function unlessTooCostly<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    throw isCancelled(error) ? new FilterTooCostly() : error;
  }
}
