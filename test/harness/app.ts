import type { FastifyInstance } from 'fastify';

import { createApp } from '../../src/app.js';
import type { App } from '../../src/app.js';
import { Jobs } from '../../src/jobs/index.js';
import { Clock } from '../../src/platform/clock/clock.js';
import { Config } from '../../src/platform/config/config.js';
import { Secrets } from '../../src/platform/crypto/secrets.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { PublicUrl } from '../../src/platform/http/public-url.js';
import { Logs } from '../../src/platform/logging/logger.js';
import { Metrics } from '../../src/platform/telemetry/metrics.js';
import type { Ground } from '../../src/platform.module.js';
import { watchContract } from './contract.js';
import { ask, asSuperuser, run, workerDatabase } from './database.js';
import type { Answer, Household } from './household.js';
import { People } from './people.js';

/** A clock that stands where it is put, and otherwise runs. */
export class TestClock extends Clock {
  private ahead = 0;

  override now(): Date {
    return new Date(this.millis());
  }

  override millis(): number {
    return Date.now() + this.ahead;
  }

  advance(milliseconds: number): void {
    this.ahead += milliseconds;
  }
}

export interface TestAppOptions {
  readonly database?: DatabaseAddress;
  readonly settings?: Record<string, string>;
  /** Default the same ones for all. */
  readonly secrets?: Secrets;
  /** Each log line that the application writes. */
  readonly onLog?: (line: string) => void;
  /** False for tests that break the contract on purpose. */
  readonly watched?: boolean;
  /** For tests that break the server on purpose: comes between the document and the routes. */
  readonly prepare?: (fastify: FastifyInstance) => void;
  /** For tests of the clock itself: what is due by it is done. */
  readonly schedules?: boolean;
}

/** The whole application, without a port: what `main.ts` runs, on the database of this worker. */
export class TestApp implements Household {
  readonly clock: TestClock;
  readonly people: People;

  private constructor(
    readonly app: App,
    readonly ground: Ground,
    private readonly broken: string[],
  ) {
    this.clock = ground.clock as TestClock;
    this.people = new People(this);
  }

  static async start({
    database,
    settings = {},
    secrets = new Secrets(Buffer.alloc(32, 7)),
    onLog,
    watched = true,
    prepare,
    schedules = false,
  }: TestAppOptions = {}): Promise<TestApp> {
    const address = database ?? (await workerDatabase());
    const config = Config.load({
      NODE_ENV: 'test',
      DATA_DIR: run.folder,
      DATABASE_URL: address.url,
      RATE_LIMITS: 'off',
      ...settings,
    });
    const destination = { write: (line: string) => onLog?.(line) };
    const logs = new Logs({ level: onLog ? 'debug' : 'fatal', pretty: false, destination });
    const ground: Ground = {
      config,
      clock: new TestClock(),
      logs,
      metrics: new Metrics(),
      secrets,
      address,
      publicUrl: new PublicUrl(),
    };
    const broken: string[] = [];
    const app = await createApp(ground, 'http://127.0.0.1:3000', (fastify, document) => {
      if (watched) watchContract(fastify, document, broken);
      prepare?.(fastify);
    });
    const made = new TestApp(app, ground, broken);
    if (!schedules) await made.stopSchedules();
    return made;
  }

  /**
   * A minute that begins in the midst of a test has nothing done in it that the test did not ask for: to the engine every
   * schedule has struck for a long time to come.
   */
  private async stopSchedules(): Promise<void> {
    const schedules = [...this.get(Jobs).known()].flatMap(([name, { cron }]) => (cron ? [name] : []));
    await ask(
      this.ground.address.ownerUrl,
      `INSERT INTO graphile_worker._private_known_crontabs (identifier, known_since, last_execution)
       SELECT unnest($1::text[]), now(), '9999-01-01' ON CONFLICT (identifier) DO UPDATE SET last_execution = excluded.last_execution`,
      [schedules],
    );
  }

  /** A provider of the application, by its class. */
  get<T>(type: abstract new (...parameters: never[]) => T): T {
    return this.app.nest.get<T>(type, { strict: false });
  }

  /** Sends a request; objects travel as JSON. */
  async send<T = never>(
    method: string,
    url: string,
    options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer<T>> {
    const { token, body, headers = {} } = options;
    const answer = await this.app.fastify.inject({
      method: method as 'GET',
      url,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
    });
    const json = /[/+]json\b/.test(String(answer.headers['content-type'] ?? ''));
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: answer.payload,
      body: (json && answer.payload ? JSON.parse(answer.payload) : null) as T,
    };
  }

  /** Asks this application's database, as its superuser. */
  sql<T = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> {
    return ask<T>(asSuperuser(this.ground.address), text, values);
  }

  /** The types of the facts about a user, in the order of their commits. */
  async factsAbout(userId: string): Promise<string[]> {
    const rows = await this.sql<{ type: string }>(
      'SELECT type FROM roster.events WHERE subject = $1 ORDER BY xid, seq',
      [`users/${userId}`],
    );
    return rows.map((row) => row.type);
  }

  /** Stops the application, and fails if any of its answers broke the contract. */
  async stop(): Promise<void> {
    await this.app.nest.close();
    if (this.broken.length > 0) throw new Error(`Answers that do not match the document:\n${this.broken.join('\n')}`);
  }
}
