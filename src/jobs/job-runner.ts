import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { Logger, run } from 'graphile-worker';
import type { Runner, Task, TaskList, WorkerEvents } from 'graphile-worker';
import { Pool } from 'pg';

import { Listener } from '../platform/cache/listener.js';
import { Config } from '../platform/config/config.js';
import { DatabaseAddress } from '../platform/database/address.js';
import { ImpatientClient } from '../platform/database/impatient-client.js';
import { taskOf } from './jobs.repository.js';
import { CANCELS, Jobs } from './jobs.service.js';
import type { Work } from './jobs.service.js';
import { SCHEDULE, Schedules } from './schedules.service.js';
import type { ScheduleTicket } from './schedules.service.js';
import { Slots } from './slots.js';
import { WorkerSessions } from './worker-sessions.js';
import type { WorkerSession } from './worker-session.js';

/** Tickets that are held at a time, if they are short, so that many jobs share a statement. */
const HELD = 100;
/** After so long a ticket that nobody here came to is given back. Milliseconds. */
const KEPT_FOR = 500;
/** How long ended jobs are gathered before their tickets are thrown away. Milliseconds. */
const GATHERS_FOR = 2;
/** LISTEN, fetching, throwing away, the record, and signs of life in a swarm of all of these. */
const CONNECTIONS = 5;
const RESTART_AFTER = 1000;
/** What one of the engine's own statements may take. Milliseconds. */
const PATIENCE = 10_000;
/** Sooner, so that what we gave up holds no lock on: the server's limit for a statement, and for a transaction that rests. */
const SERVER_PATIENCE = 8000;
const REST = 5000;

/** Runs the jobs in this process, unless ROLE=api. A database that goes away stops nothing but the work itself. */
@Injectable()
export class JobRunner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private runner: Runner | null = null;
  private session: WorkerSession | null = null;
  private pool: Pool | null = null;
  private stopping = false;
  private restart: NodeJS.Timeout | undefined;

  constructor(
    private readonly jobs: Jobs,
    private readonly schedules: Schedules,
    private readonly sessions: WorkerSessions,
    private readonly config: Config,
    private readonly address: DatabaseAddress,
    private readonly listener: Listener,
  ) {}

  /** Whether jobs are run here at this moment; null where they are not meant to be. */
  get isRunning(): boolean | null {
    return this.pool && this.runner !== null;
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.config.values.ROLE === 'api') return;
    this.pool = new Pool({
      connectionString: this.address.url,
      max: CONNECTIONS,
      application_name: 'roster-jobs',
      Client: ImpatientClient,
      patience: PATIENCE,
      statement_timeout: SERVER_PATIENCE,
      idle_in_transaction_session_timeout: REST,
      connectionTimeoutMillis: 5000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5000,
    } as ConstructorParameters<typeof Pool>[0]);
    const lost = (error: Error): void => this.sessions.log.debug({ err: error }, 'A connection of the queue was lost');
    this.pool.on('error', lost);
    this.pool.on('connect', (client) => client.on('error', lost));
    this.listener.on(CANCELS, () => void this.session?.lookForCancelled());
    await this.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.restart);
    this.session?.stop();
    await this.runner
      ?.stop()
      .catch((error: unknown) => this.sessions.log.warn({ err: error }, 'The runner of jobs did not stop in order'));
    await this.leave();
    await this.resultsWritten();
    await this.pool?.end();
  }

  /**
   * graphile-worker writes down how a job ended without waiting for it, and a pool that ends forgets whoever waits for a
   * connection: the last job would stay locked until somebody misses us.
   */
  private async resultsWritten(): Promise<void> {
    do await pause(1);
    while (this.pool && this.pool.waitingCount > 0);
  }

  private async start(): Promise<void> {
    const slots = new Slots(this.config.values.JOBS_CONCURRENCY, HELD);
    const events = new EventEmitter() as WorkerEvents;
    events.on('pool:create', ({ workerPool }) => {
      this.session = this.sessions.begin(this.pool!, workerPool, slots, [...this.jobs.known().keys()]);
      this.session.start();
    });
    try {
      this.runner = await run({
        pgPool: this.pool!,
        pollInterval: 1000,
        noHandleSignals: true,
        events,
        preset: {
          worker: {
            concurrentJobs: HELD,
            localQueue: { size: HELD, ttl: KEPT_FOR },
            completeJobBatchDelay: GATHERS_FOR,
            failJobBatchDelay: GATHERS_FOR,
          },
        },
        // Asked before each fetch: it need not answer at once.
        forbiddenFlags: async () => {
          await this.session?.isKnown;
          await slots.hold();
          return null;
        },
        taskList: this.tasks(slots),
        parsedCronItems: this.schedules.cronItems(),
        logger: this.logger(),
      });
      this.runner.promise.then(
        () => this.later(),
        (error: unknown) => this.later(error),
      );
    } catch (error) {
      this.later(error);
    }
  }

  private logger(): Logger {
    const { log } = this.sessions;
    return new Logger(() => (level, message, meta) => {
      // Its advice about the pool: tickets that are held are many and need no connection each.
      const isQuiet = level === 'info' || level === 'debug' || meta?.['max'] === CONNECTIONS;
      log[isQuiet ? 'debug' : 'warn'](message);
    });
  }

  private later(error?: unknown): void {
    this.runner = null;
    if (this.stopping) return;
    this.sessions.log.warn({ err: error }, 'The runner of jobs has stopped; it starts again in a second');
    this.session?.stop();
    this.restart = setTimeout(() => void this.leave().then(() => this.start()), RESTART_AFTER).unref();
  }

  private async leave(): Promise<void> {
    const { session } = this;
    this.session = null;
    await session
      ?.leave()
      .catch((error: unknown) =>
        this.sessions.log.warn({ err: error }, 'Jobs were left behind; others take them in 15 seconds'),
      );
  }

  private tasks(slots: Slots): TaskList {
    const known = [...this.jobs.known()];
    const tasks = known.map(([name, work]): [string, Task] => [taskOf(name), this.taskOf(work)]);
    // Owed by a version that kept no record.
    const old = known.map(([name, { type }]): [string, Task] => [
      name,
      async (payload) => void (await this.jobs.enqueue(type, payload as object)),
    ]);
    const fire: Task = (payload) => this.schedules.fire(payload as ScheduleTicket);
    const held = ([name, task]: [string, Task]): [string, Task] => [
      name,
      async (...ticket) => Promise.resolve(task(...ticket)).finally(() => slots.letGo()),
    ];
    return Object.fromEntries([...tasks, ...old, [SCHEDULE, fire] as [string, Task]].map(held));
  }

  private taskOf(work: Work): Task {
    return (payload, { job: { id, job_queue_id: queue } }) =>
      this.session!.take((payload as { readonly job: string }).job, work, { id, isQueued: queue !== null });
  }
}
