import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

import { Database, statement } from '../platform/database/database.js';
import { Indicators } from '../platform/telemetry/indicators.js';
import type { Finding } from '../platform/telemetry/indicators.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { JobRunner } from './job-runner.js';

const LOOKS_EVERY = 5000;
/** Where counting stops: more would take longer than it is worth. */
const COUNTED_AT_MOST = 100_000;
/** So long a job that is not long may wait before health tells: with nobody who runs any, and behind others. Seconds. */
const WAITS_FOR = 30;
const WAITS_BEHIND_OTHERS_FOR = 120;

const count = (where: string): string =>
  `(SELECT count(*)::int FROM (SELECT 1 FROM roster.jobs WHERE ${where} LIMIT ${COUNTED_AT_MOST}) counted)`;
const LOOK = statement(
  'jobs_look',
  `SELECT ${count("state = 'queued' AND run_at <= clock_timestamp()")} AS waiting,
     ${count("state = 'queued' AND run_at > clock_timestamp()")} AS scheduled, ${count("state = 'running'")} AS running,
     ${count("state = 'failed'")} AS failed, ${count("state = 'dead'")} AS dead,
     (SELECT greatest(0, extract(epoch FROM clock_timestamp() - min(run_at)))::float8 FROM roster.jobs
       WHERE state = 'queued' AND run_at <= clock_timestamp()) AS "oldestSeconds",
     (SELECT greatest(0, extract(epoch FROM clock_timestamp() - min(run_at)))::float8 FROM roster.jobs
       WHERE state = 'queued' AND NOT is_long AND run_at <= clock_timestamp()) AS "oldestShortSeconds",
     (SELECT count(*)::int FROM roster.job_workers WHERE beat_at > clock_timestamp() - interval '15 seconds') AS "workersAlive"`,
);
const WORKERS = statement(
  'jobs_workers',
  `SELECT w.id, w.host, w.pid, w.started_at AS "startedAt", w.beat_at AS "beatAt",
     (SELECT count(*)::int FROM roster.jobs WHERE state = 'running' AND worker = w.id) AS running
   FROM roster.job_workers w ORDER BY w.started_at`,
);

/** The queue at a glance; counts stop at a hundred thousand. */
export interface QueueState {
  /** Due, and not begun. */
  readonly waiting: number;
  /** Due later. */
  readonly scheduled: number;
  readonly running: number;
  /** To be tried again. */
  readonly failed: number;
  readonly dead: number;
  /** How long the first of those that wait has been due. */
  readonly oldestSeconds: number | null;
  /** The same of those that are not long: they have places of their own. */
  readonly oldestShortSeconds: number | null;
  /** Processes that gave a sign of life in the last 15 seconds. */
  readonly workersAlive: number;
}

/** Looks at the queue now and then, for metrics and health: they are asked more often than it is worth. */
@Injectable()
export class QueueLook implements OnApplicationBootstrap, OnModuleDestroy {
  private last: QueueState | null = null;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | null = null;

  constructor(
    private readonly db: Database,
    private readonly runner: JobRunner,
    private readonly indicators: Indicators,
    private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap(): void {
    this.indicators.register('queue', () => this.finding());
    const gauge = (name: string, help: string, member: keyof QueueState): void =>
      this.metrics.gauge(name, help, () => this.last?.[member] ?? 0);
    gauge('jobs_waiting', 'Jobs that are due and not begun, in all processes', 'waiting');
    gauge('jobs_oldest_seconds', 'How long the first of the waiting jobs has been due', 'oldestSeconds');
    gauge('jobs_running', 'Jobs that run, in all processes', 'running');
    gauge('jobs_failed', 'Jobs that failed and are tried again', 'failed');
    gauge('jobs_dead', 'Jobs that failed for the last time and wait for somebody', 'dead');
    gauge('jobs_workers', 'Processes that run jobs and gave a sign of life', 'workersAlive');
    this.timer = setInterval(() => void (this.looking ??= this.lookAgain()), LOOKS_EVERY).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  /** As it is now, with the processes that run jobs. */
  async whole(): Promise<QueueState & { readonly workers: readonly object[] }> {
    return { ...(await this.look()), workers: await this.db.rows<object>(WORKERS) };
  }

  private async look(): Promise<QueueState> {
    return (this.last = (await this.db.row<QueueState>(LOOK))!);
  }

  private async lookAgain(): Promise<void> {
    try {
      await this.look();
    } catch {
      // A database that is away is told of by others; the numbers stay as they were.
    }
    this.looking = null;
  }

  private finding(): Finding {
    if (this.runner.isRunning === false)
      return { status: 'warn', output: 'The runner of jobs is waiting for the database' };
    const { workersAlive = 1, oldestSeconds = null, oldestShortSeconds = null } = this.last ?? {};
    if (workersAlive === 0 && (oldestSeconds ?? 0) > WAITS_FOR)
      return { status: 'warn', output: `Jobs wait for ${Math.round(oldestSeconds!)} s, and no process runs any` };
    if ((oldestShortSeconds ?? 0) > WAITS_BEHIND_OTHERS_FOR)
      return { status: 'warn', output: `Jobs wait for ${Math.round(oldestShortSeconds!)} s, and nobody comes to them` };
    return { status: 'pass' };
  }
}
