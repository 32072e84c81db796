import { Injectable } from '@nestjs/common';
import type { WorkerPool } from 'graphile-worker';
import type { Pool } from 'pg';

import { Database } from '../platform/database/database.js';
import { Logs } from '../platform/logging/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { JobsRepository } from './jobs.repository.js';
import type { Slots } from './slots.js';
import { WorkerRecord } from './worker-record.js';
import type { Ended } from './worker-record.js';
import { WorkerSession } from './worker-session.js';

/** Begins sessions, and tells of them in logs and metrics. */
@Injectable()
export class WorkerSessions {
  readonly log;
  private readonly finished;

  constructor(
    private readonly db: Database,
    private readonly jobs: JobsRepository,
    logs: Logs,
    metrics: Metrics,
  ) {
    this.log = logs.of('jobs');
    this.finished = metrics.counter('jobs_finished_total', 'Attempts that ended, by job and how', ['job', 'result']);
  }

  /** @param kinds names of the jobs that are known here */
  begin(pool: Pool, engine: WorkerPool, slots: Slots, kinds: readonly string[]): WorkerSession {
    const { db, jobs } = this;
    const telling = {
      ended: (name: string, end: Ended, error?: unknown) => this.tellOfEnd(name, end, error),
      lost: (what: string, err: unknown) => this.log.warn({ err }, what),
      gaveUp: (workers: readonly string[]) =>
        this.log.warn({ workers }, 'Workers gave no sign of life; their jobs are begun again'),
    };
    const record = new WorkerRecord(pool, engine.id, kinds);
    return new WorkerSession({ record, nudge: () => engine.nudge(1), db, jobs, slots, telling });
  }

  private tellOfEnd(job: string, { id, state }: Ended, err: unknown): void {
    this.finished.inc({ job, result: state });
    if (state === 'failed') this.log.warn({ err, job, jobId: id }, 'A job failed; it is tried again later');
    if (state === 'dead') this.log.error({ err, job, jobId: id }, 'A job failed for the last time');
  }
}
