import { Injectable } from '@nestjs/common';

import { Listener } from '../platform/cache/listener.js';
import type { DataOf, EventType } from '../platform/contract/event.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { violatedUnique } from '../platform/database/database-errors.js';
import { refuseStale } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { currentRequest } from '../platform/logging/request-context.js';
import type { Handler, JobType, Terms } from './job.js';
import {
  JobCancelled,
  JobNotCancellable,
  JobNotFound,
  JobNotRetriable,
  JobRetried,
  ScheduleNotFound,
  ScheduleRun,
} from './jobs.contract.js';
import { JobsRepository } from './jobs.repository.js';
import type { JobRow, LastRun } from './jobs.repository.js';

/** Says to every process that somebody cancelled a job that runs. */
export const CANCELS = 'roster_job_cancels';

/** How a kind of work is done. */
export interface Work {
  readonly type: JobType<object>;
  readonly handler: Handler<never>;
  /** When it is due by itself: five fields, UTC; once over all processes. */
  readonly cron?: string;
}

export interface Schedule {
  readonly name: string;
  readonly cron: string;
  readonly last: LastRun | null;
}

/** Records a deed of somebody's in the transaction of the deed. */
type Recorder = <const S extends EventType['shape']>(
  type: EventType<S>,
  data: DataOf<S>,
  about: { readonly subject: string },
) => void;

@Injectable()
export class Jobs {
  private readonly handlers = new Map<string, Work>();
  private recorder: Recorder | null = null;

  constructor(
    private readonly db: Database,
    private readonly jobs: JobsRepository,
    private readonly listener: Listener,
  ) {}

  /** Owes the work: as part of the caller's transaction, if there is one. @returns the id of the job */
  enqueue<P extends object>(type: JobType<P>, payload: P, terms: Terms = {}): Promise<string> {
    const { name, isSecret, isLong, maxAttempts } = type;
    const { key = null, queue = null, runAt = null, actorId = currentRequest()?.actorId ?? null } = terms;
    return this.jobs.add({ id: newId(), name, isSecret, isLong, maxAttempts, payload, key, queue, runAt, actorId });
  }

  /** Says how a kind of work is done; called while the application is put together. */
  work<P extends object>(type: JobType<P>, handler: Handler<P>, options: { readonly cron?: string } = {}): void {
    if (this.handlers.has(type.name)) throw new Error(`The job "${type.name}" has two handlers`);
    this.handlers.set(type.name, { type, handler, ...options });
  }

  known(): ReadonlyMap<string, Work> {
    return this.handlers;
  }

  /** Facts stand above jobs: whoever keeps them says how deeds are recorded. Called while the application is put together. */
  recordWith(recorder: Recorder): void {
    this.recorder = recorder;
  }

  find(id: string): Promise<JobRow | null> {
    return this.jobs.find(id);
  }

  /** @throws JobNotFound */
  async get(id: string): Promise<JobRow> {
    const job = await this.find(id);
    if (!job) throw new JobNotFound();
    return job;
  }

  /**
   * One that waits is cancelled at once; the handler of one that runs is asked by its signal, and may be too far to heed it.
   * @param expected versions of which it has to be one
   * @throws JobNotFound, JobNotCancellable, PreconditionFailed
   */
  cancel(id: string, expected: Versions = null): Promise<JobRow> {
    return this.db.transaction(async () => {
      const job = await this.lock(id);
      refuseStale(job, expected);
      const { state, name, cancelRequestedAt } = job;
      if (state === 'cancelled' || (state === 'running' && cancelRequestedAt)) return this.get(id);
      if (this.handlers.get(name)?.type.cancellable === false) throw new JobNotCancellable();
      if (state === 'queued' || state === 'failed') await this.jobs.cancel(id);
      else if (state === 'running') await this.askToCancel(id);
      else throw new JobNotCancellable();
      this.tell(JobCancelled, { jobId: id, name });
      return this.get(id);
    });
  }

  /** Tries again what failed, is dead or was cancelled, with all its attempts before it. @throws JobNotFound, JobNotRetriable */
  async retry(id: string): Promise<JobRow> {
    try {
      return await this.db.transaction(async () => {
        const { state, name } = await this.lock(id);
        if (state !== 'failed' && state !== 'dead' && state !== 'cancelled') throw new JobNotRetriable();
        if (!(await this.jobs.retry(id))) throw new JobNotRetriable();
        this.tell(JobRetried, { jobId: id, name });
        return this.get(id);
      });
    } catch (error) {
      throw violatedUnique(error) === 'jobs_key_idx' ? new JobNotRetriable() : error;
    }
  }

  /** What is run by a schedule, and its last run. */
  async schedules(): Promise<Schedule[]> {
    const scheduled = [...this.handlers].flatMap(([name, { cron }]) => (cron ? [{ name, cron }] : []));
    const last = new Map((await this.jobs.lastRuns(scheduled.map(({ name }) => name))).map((run) => [run.name, run]));
    return scheduled
      .map(({ name, cron }) => ({ name, cron, last: last.get(name) ?? null }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Beside the runs that are due by themselves. @throws ScheduleNotFound */
  runNow(name: string): Promise<JobRow> {
    const { type, cron } = this.handlers.get(name) ?? {};
    if (!type || !cron) throw new ScheduleNotFound();
    return this.db.transaction(async () => {
      const id = await this.enqueue(type, {});
      this.tell(ScheduleRun, { jobId: id, name });
      return this.get(id);
    });
  }

  private async lock(id: string): Promise<JobRow> {
    const job = await this.jobs.lock(id);
    if (!job) throw new JobNotFound();
    return job;
  }

  private async askToCancel(id: string): Promise<void> {
    await this.jobs.askToCancel(id);
    this.db.afterCommit(() => this.listener.nudge(CANCELS));
  }

  private tell<const S extends EventType['shape'] & { jobId: 'uuid' }>(type: EventType<S>, data: DataOf<S>): void {
    const { jobId } = data as { jobId: string };
    this.recorder?.(type, data, { subject: `jobs/${jobId}` });
  }
}
