import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { Logger, parseCronItems, run } from 'graphile-worker';
import type { ParsedCronItem, Runner, TaskList } from 'graphile-worker';
import { Pool } from 'pg';

import { Config } from '../platform/config/config.js';
import { newId } from '../platform/crypto/tokens.js';
import { DatabaseAddress } from '../platform/database/address.js';
import { Logs } from '../platform/logging/logger.js';
import { runInRequest } from '../platform/logging/request-context.js';
import { Indicators } from '../platform/telemetry/indicators.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { Jobs } from './jobs.service.js';

const CONCURRENCY = 4;
const RESTART_AFTER = 1000;
/** What one job may take before its statements are cut. Milliseconds. */
const JOB_BUDGET = 60_000;

/** Runs the jobs in this process, unless ROLE=api. A database that goes away stops nothing but the work itself. */
@Injectable()
export class JobRunner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private runner: Runner | null = null;
  private pool: Pool | null = null;
  private stopping = false;
  private restart: NodeJS.Timeout | undefined;
  private readonly log;
  private readonly finished;

  constructor(
    private readonly jobs: Jobs,
    private readonly config: Config,
    private readonly address: DatabaseAddress,
    logs: Logs,
    metrics: Metrics,
    private readonly indicators: Indicators,
  ) {
    this.log = logs.of('jobs');
    this.finished = metrics.counter('jobs_finished_total', 'Jobs that ended, by name and result', ['job', 'result']);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.config.values.ROLE === 'api') return;
    this.indicators.register('queue', () =>
      this.runner ? { status: 'pass' } : { status: 'warn', output: 'The runner of jobs is waiting for the database' },
    );
    this.pool = new Pool({
      connectionString: this.address.url,
      max: CONCURRENCY,
      application_name: 'roster-jobs',
      connectionTimeoutMillis: 5000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5000,
    });
    const lost = (error: Error): void => this.log.debug({ err: error }, 'A connection of the queue was lost');
    this.pool.on('error', lost);
    this.pool.on('connect', (client) => client.on('error', lost));
    await this.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restart);
    await this.runner
      ?.stop()
      .catch((error: unknown) => this.log.warn({ err: error }, 'The runner of jobs did not stop in order'));
    await this.resultsWritten();
    await this.pool?.end();
  }

  /**
   * graphile-worker writes down how a job ended without waiting for it, and a pool that ends forgets whoever waits for a
   * connection: the last job would stay locked, and be lost for four hours.
   */
  private async resultsWritten(): Promise<void> {
    do await pause(1);
    while (this.pool && this.pool.waitingCount > 0);
  }

  private async start(): Promise<void> {
    try {
      this.runner = await run({
        pgPool: this.pool!,
        concurrency: CONCURRENCY,
        pollInterval: 1000,
        noHandleSignals: true,
        taskList: this.tasks(),
        parsedCronItems: this.schedules(),
        logger: new Logger(
          () => (level, message) => this.log[level === 'info' || level === 'debug' ? 'debug' : 'warn'](message),
        ),
      });
      this.runner.promise.then(
        () => this.later(),
        (error: unknown) => this.later(error),
      );
    } catch (error) {
      this.later(error);
    }
  }

  private later(error?: unknown): void {
    this.runner = null;
    if (this.stopping) return;
    this.log.warn({ err: error }, 'The runner of jobs has stopped; it starts again in a second');
    this.restart = setTimeout(() => void this.start(), RESTART_AFTER).unref();
  }

  private tasks(): TaskList {
    return Object.fromEntries(
      [...this.jobs.known()].map(([name, { handler }]) => [
        name,
        async (payload: unknown, helpers: { job: { id: string; attempts: number } }) => {
          const context = {
            requestId: `job-${helpers.job.id}-${newId()}`,
            deadline: performance.now() + JOB_BUDGET,
            ip: null,
            userAgent: null,
            actorId: null,
          };
          await runInRequest(context, () =>
            this.observe(name, () => (handler as (payload: unknown) => Promise<unknown>)(payload)),
          );
        },
      ]),
    );
  }

  private async observe(job: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.finished.inc({ job, result: 'done' });
    } catch (error) {
      this.finished.inc({ job, result: 'failed' });
      this.log.warn({ err: error, job }, 'A job failed; it is tried again later');
      throw error;
    }
  }

  private schedules(): ParsedCronItem[] {
    const items = [...this.jobs.known()].flatMap(([task, { cron }]) =>
      cron ? [{ task, match: cron, identifier: task }] : [],
    );
    return parseCronItems(items);
  }
}
