import { hostname } from 'node:os';

import type { Pool, QueryConfig, QueryResultRow } from 'pg';

import type { JobState } from './job.js';
import { TICKET } from './jobs.repository.js';
import { BURY, REPAIR, UNLOCK_LOST, UNLOCK_STRANGERS } from './repairs.js';

/** An attempt as it begins. */
export interface Begun {
  readonly id: string;
  readonly payload: object;
  /** How often the job was begun, this time included: with the id it names this attempt. */
  readonly attempt: number;
  /** How many attempts count, this one included. */
  readonly counted: number;
  readonly maxAttempts: number;
  readonly isSecret: boolean;
  readonly actorId: string | null;
  /** How many processes died under it since it last came on. */
  readonly crashes: number;
}

/** How an attempt ended. */
export interface Ended {
  readonly id: string;
  readonly attempt: number;
  readonly state: Exclude<JobState, 'running'>;
  /** Milliseconds until it is tried again. */
  readonly delay?: number;
  readonly result?: string | null;
  readonly error?: string;
}

export interface Progress {
  readonly id: string;
  readonly attempt: number;
  readonly done: number;
  readonly total: number | null;
}

/** What a sign of life brings back. */
export interface Pulse {
  /** The process had been given up, and its jobs with it. */
  readonly wasGivenUp: boolean;
  /** Those of its jobs that somebody cancelled. */
  readonly cancelled: readonly string[];
}

export const BEATS_EVERY = 5000;
/** What a sign of life may take, and what looking after others may. Milliseconds. */
const BEAT_WITHIN = 4000;
const CARE_WITHIN = 5000;
/** So long without a sign of life, and a process is given up. Milliseconds. */
const SILENT_FOR = 15_000;
/** Longer than a transaction of ours waits for nothing. Milliseconds. */
const WAITS_FOR_A_LOCK = 2000;
/** Longer than a job that was begun can be on its way here. Milliseconds. */
const FORGOTTEN_AFTER = 30_000;
/** How long a long job that has no place here is nobody's, more or less. Milliseconds. */
const PUT_OFF_FOR = 5000;
/** Of so many processes in a row that died under it a job may be the cause. */
const MOST_CRASHES = 10;

// What this worker is told to begin and has already, it has lost sight of: its answer was lost.
const BEGIN = `UPDATE roster.jobs SET state = 'running', worker = $1, attempts = attempts + 1, started_at = clock_timestamp(),
    version = version + 1
  WHERE id = ANY($2::uuid[]) AND (state IN ('queued', 'failed') AND run_at <= clock_timestamp() OR state = 'running' AND worker = $1)
  RETURNING id, payload, attempts AS attempt, attempts - spared AS counted, max_attempts AS "maxAttempts",
    is_secret AS "isSecret", actor_id AS "actorId", crashes`;
// Told before the handler begins: who dies cannot tell.
const EXPECT_CRASH = `UPDATE roster.jobs SET crashes = crashes + 1
  WHERE id = $2 AND attempts = $3 AND worker = $1 AND state = 'running' RETURNING id`;
/** What would wait, and somebody wants it no more, is cancelled: by the row as it is when it is locked. */
const BECOMES = `(CASE WHEN e.state IN ('queued', 'failed') AND j.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE e.state END)`;
// Of the jobs of one key one waits: what would wait again while a later one does already is cancelled.
const END = `WITH told AS (
    SELECT e.id, e.attempt, e.delay, e.result, e.error, CASE WHEN e.state IN ('queued', 'failed') AND EXISTS (
        SELECT 1 FROM roster.jobs own JOIN roster.jobs other ON other.name = own.name AND other.key = own.key
        WHERE own.id = e.id AND own.key IS NOT NULL AND other.state IN ('queued', 'failed')) THEN 'cancelled' ELSE e.state END AS state
    FROM unnest($2::uuid[], $3::int[], $4::text[], $5::float8[], $6::text[], $7::text[])
      AS e (id, attempt, state, delay, result, error)
  ), ended AS (
    UPDATE roster.jobs j SET state = ${BECOMES}, worker = NULL, result = e.result::jsonb, last_error = e.error,
      spared = j.spared + (e.state = 'queued')::int, crashes = 0, version = j.version + 1,
      run_at = CASE WHEN e.state = 'failed' THEN clock_timestamp() + e.delay * interval '1 millisecond' ELSE j.run_at END,
      finished_at = CASE WHEN ${BECOMES} IN ('succeeded', 'dead', 'cancelled') THEN clock_timestamp() END,
      payload = CASE WHEN ${BECOMES} NOT IN ('succeeded', 'cancelled') OR NOT j.is_secret THEN j.payload END
    FROM told e WHERE j.id = e.id AND j.attempts = e.attempt AND j.worker = $1 AND j.state = 'running'
    RETURNING j.id, j.name, j.queue, j.state, j.run_at)
  SELECT ended.id, CASE WHEN ended.state IN ('queued', 'failed') THEN ${TICKET('ended')} END AS ticket FROM ended`;
// As graphile-worker does it a moment later, and without a word to whoever waits for the queue: a second for each job (tried).
const FREE_QUEUES = `WITH done AS (DELETE FROM graphile_worker._private_jobs WHERE id = ANY($2::bigint[]) AND locked_by = $1
    RETURNING job_queue_id)
  UPDATE graphile_worker._private_job_queues q SET locked_at = NULL, locked_by = NULL FROM done
  WHERE q.id = done.job_queue_id AND q.locked_by = $1`;
const TELL = `UPDATE roster.jobs j SET progress_done = p.done, progress_total = p.total, crashes = 0, version = j.version + 1
  FROM unnest($2::uuid[], $3::int[], $4::bigint[], $5::bigint[]) AS p (id, attempt, done, total)
  WHERE j.id = p.id AND j.attempts = p.attempt AND j.worker = $1 AND j.state = 'running'`;
const BEAT = `INSERT INTO roster.job_workers (id, host, pid, kinds, started_at, beat_at)
  VALUES ($1, $2, $3, $4::text[], clock_timestamp(), clock_timestamp())
  ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at RETURNING xmax = 0 AS new`;
const CANCELLED = `SELECT id FROM roster.jobs
  WHERE state = 'running' AND worker = $1 AND cancel_requested_at IS NOT NULL AND id = ANY($2::uuid[])`;
const IS_SILENT = `beat_at < clock_timestamp() - interval '${SILENT_FOR} milliseconds'`;
// Those too that are gone already, but for a job that somebody had locked.
const SILENT = `SELECT id FROM roster.job_workers WHERE ${IS_SILENT}
  UNION SELECT worker FROM roster.jobs WHERE state = 'running' AND worker NOT IN (SELECT id FROM roster.job_workers)`;
// One who has come back meanwhile stays; what was said by one who is gone counts no more.
const GIVE_UP = `WITH locked AS (SELECT id, ${IS_SILENT} AS is_silent FROM roster.job_workers WHERE id = $1 FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM roster.job_workers WHERE id IN (SELECT id FROM locked WHERE is_silent))
  SELECT $1::text AS id WHERE (SELECT is_silent FROM locked)
    OR NOT EXISTS (SELECT 1 FROM roster.job_workers WHERE id = $1)`;
const LEAVE = 'DELETE FROM roster.job_workers WHERE id = $1 RETURNING id';
/**
 * What lies with a worker that is no more; a job that somebody has locked is left for the next look, or one process that
 * was stopped inside a transaction would keep the jobs of all. Under each of them it counts
 * one crash, begun or not: from then on the job is suspected, and the next is counted when its handler begins.
 */
const freed = (theirs: (job: string) => string): string => `WITH left_behind AS (
    SELECT j.id, CASE
      WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled'
      WHEN j.key IS NOT NULL AND (
        EXISTS (SELECT 1 FROM roster.jobs o WHERE o.name = j.name AND o.key = j.key AND o.state IN ('queued', 'failed'))
        OR EXISTS (SELECT 1 FROM roster.jobs o WHERE o.name = j.name AND o.key = j.key AND ${theirs('o')} AND o.id > j.id)) THEN 'cancelled'
      WHEN $2 > 0 AND j.crashes >= ${MOST_CRASHES} THEN 'dead' ELSE 'queued' END AS becomes
    FROM roster.jobs j WHERE ${theirs('j')} FOR UPDATE OF j SKIP LOCKED)
  UPDATE roster.jobs j SET state = l.becomes, worker = NULL, version = version + 1, spared = spared + 1, crashes = greatest(crashes, $2),
    finished_at = CASE WHEN l.becomes <> 'queued' THEN clock_timestamp() END,
    payload = CASE WHEN l.becomes <> 'cancelled' OR NOT j.is_secret THEN j.payload END,
    last_error = CASE WHEN $2 > 0 THEN 'The process that ran it died' ELSE last_error END
  FROM left_behind l WHERE j.id = l.id RETURNING j.id, j.name, j.queue, j.state, j.run_at`;
const runsAt = (job: string): string => `${job}.state = 'running' AND ${job}.worker = ANY($1::text[])`;
const FREE = freed(runsAt);
// What runs here and nobody here knows of: the answer to its beginning was lost, and no other may begin it.
const isForgotten = (job: string): string =>
  `${runsAt(job)} AND ${job}.id <> ALL($3::uuid[]) AND ${job}.started_at < clock_timestamp() - interval '${FORGOTTEN_AFTER} milliseconds'`;
const FREE_FORGOTTEN = `WITH forgotten AS (${freed(isForgotten)})
  SELECT ${TICKET('forgotten')} AS ticket FROM forgotten WHERE state = 'queued'`;
const UNLOCK = 'SELECT graphile_worker.force_unlock_workers($1::text[])';
const TICKETS = `SELECT ${TICKET('j')} AS ticket FROM roster.jobs j WHERE j.id = ANY($1::uuid[]) AND j.state = 'queued'`;
// The ticket alone is put off: the job is due as before.
const PUT_OFF = `SELECT ${TICKET('j')} AS ticket FROM (
    SELECT id, name, queue, clock_timestamp() + (0.5 + random()) * interval '${PUT_OFF_FOR} milliseconds' AS run_at
    FROM roster.jobs WHERE id = $1 AND state IN ('queued', 'failed')) j`;
const HOLDS = `SELECT 1 FROM graphile_worker._private_jobs WHERE id = $2 AND locked_by = $1
  AND NOT EXISTS (SELECT 1 FROM roster.jobs WHERE id = $3 AND state = 'running')`;

/** The record as a worker writes it, on connections of its own: many jobs in a statement. */
export class WorkerRecord {
  constructor(
    private readonly pool: Pool,
    readonly worker: string,
    private readonly kinds: readonly string[],
  ) {}

  /** Begins those that are there to be begun; null in the place of one that is over, or with somebody else. */
  async begin(ids: readonly string[]): Promise<(Begun | null)[]> {
    const begun = await this.ask<Begun>('jobs_begin', BEGIN, [this.worker, ids]);
    const byId = new Map(begun.map((each) => [each.id, each]));
    return ids.map((id) => byId.get(id) ?? null);
  }

  /** @returns for each whether it was this worker's to end */
  async end(ended: readonly Ended[]): Promise<boolean[]> {
    const each = <T>(pick: (end: Ended) => T): T[] => ended.map(pick);
    const written = await this.ask<{ id: string }>('jobs_end', END, [
      this.worker,
      each(({ id }) => id),
      each(({ attempt }) => attempt),
      each(({ state }) => state),
      each(({ delay = 0 }) => delay),
      each(({ result = null }) => result),
      each(({ error = null }) => error),
    ]);
    const ids = new Set(written.map(({ id }) => id));
    return each(({ id }) => ids.has(id));
  }

  /** Gives a job that has no place here another ticket for a little later. */
  async putOff(id: string): Promise<void> {
    await this.ask('jobs_put_off', PUT_OFF, [id]);
  }

  /** Whether a ticket is still this worker's, and its job runs nowhere. */
  async holds(ticket: string, id: string): Promise<boolean> {
    return (await this.ask('jobs_holds', HOLDS, [this.worker, ticket, id])).length > 0;
  }

  /** Counts a crash of a job that had one before: how it ends takes it back. @returns whether the job is this worker's */
  async expectCrash(id: string, attempt: number): Promise<boolean> {
    return (await this.ask('jobs_expect_crash', EXPECT_CRASH, [this.worker, id, attempt])).length > 0;
  }

  /** Lets the next job of each queue go. @param tickets of the ended jobs that were in one */
  async freeQueues(tickets: readonly string[]): Promise<void> {
    await this.ask('jobs_free_queues', FREE_QUEUES, [this.worker, tickets]);
  }

  async tell(progress: readonly Progress[]): Promise<void> {
    const each = <T>(pick: (one: Progress) => T): T[] => progress.map(pick);
    await this.ask('jobs_tell', TELL, [
      this.worker,
      each(({ id }) => id),
      each(({ attempt }) => attempt),
      each(({ done }) => done),
      each(({ total }) => total),
    ]);
  }

  /** A sign of life. @param running what the worker has */
  async beat(running: readonly string[]): Promise<Pulse> {
    const life = [this.worker, hostname(), process.pid, this.kinds];
    const [row] = await this.ask<{ new: boolean }>('jobs_beat', BEAT, life, BEAT_WITHIN);
    return { wasGivenUp: row!.new, cancelled: await this.cancelled(running) };
  }

  async cancelled(running: readonly string[]): Promise<string[]> {
    if (running.length === 0) return [];
    const rows = await this.ask<{ id: string }>('jobs_cancelled', CANCELLED, [this.worker, running]);
    return rows.map(({ id }) => id);
  }

  /** Frees what lies with processes that are silent: each by itself, so that none of them keeps the others. @returns who they are */
  async giveUpTheSilent(): Promise<string[]> {
    const gone: string[] = [];
    const failures: unknown[] = [];
    for (const { id } of await this.ask<{ id: string }>('jobs_silent', SILENT, [], CARE_WITHIN))
      try {
        if (await this.free(GIVE_UP, id, 1)) gone.push(id);
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0 && gone.length === 0) throw failures[0] as Error;
    return gone;
  }

  /** Frees what is left of this one, which goes. */
  async leave(): Promise<void> {
    await this.free(LEAVE, this.worker, 0);
  }

  /** Frees what lies with this one, and is not among those that it has. */
  async freeForgotten(running: readonly string[]): Promise<void> {
    await this.ask('jobs_free_forgotten', FREE_FORGOTTEN, [[this.worker], 0, running], CARE_WITHIN);
  }

  /** @param tickets those that this worker has */
  async repair(tickets: readonly string[]): Promise<void> {
    await this.ask('jobs_unlock_lost', UNLOCK_LOST, [this.worker, tickets], CARE_WITHIN);
    await this.ask('jobs_unlock_strangers', UNLOCK_STRANGERS, [], CARE_WITHIN);
    await this.ask('jobs_repair', REPAIR, [], CARE_WITHIN);
    await this.ask('jobs_bury', BURY, [], CARE_WITHIN);
  }

  private async free(whether: string, worker: string, crashes: number): Promise<boolean> {
    const client = await this.pool.connect();
    let failure: Error | undefined;
    try {
      await client.query(`BEGIN; SET LOCAL lock_timeout = ${WAITS_FOR_A_LOCK}`);
      const isGone = (await client.query(whether, [worker])).rows.length > 0;
      if (isGone) {
        const jobs = (await client.query<{ id: string }>(FREE, [[worker], crashes])).rows.map(({ id }) => id);
        await client.query(UNLOCK, [[worker]]);
        await client.query(TICKETS, [jobs]);
      }
      await client.query('COMMIT');
      return isGone;
    } catch (error) {
      failure = error as Error;
      throw error;
    } finally {
      // What failed may still be inside its transaction: its connection is not used again.
      client.release(failure);
    }
  }

  /** @param within milliseconds that it may take, if they are fewer than others have */
  private async ask<T extends QueryResultRow>(
    name: string,
    text: string,
    values: unknown[],
    within?: number,
  ): Promise<T[]> {
    // Null: none of whoever's it was that the connection was opened for.
    const deadline = within === undefined ? null : performance.now() + within;
    return (await this.pool.query<T>({ name, text, values, deadline } as QueryConfig)).rows;
  }
}
