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
import { Inquiry, ask, asSuperuser, run, workerDatabase } from './database.js';
import type { Answer, Household } from './household.js';
import { again, patiently } from './patience.js';
import { People } from './people.js';
import { streamsOf, textOf } from './streams.js';

/** A clock that stands where it is put, and otherwise runs. */
export class TestClock extends Clock {
  private lead = 0;
  private standsAt: number | null = null;

  override now(): Date {
    return new Date(this.millis());
  }

  override millis(): number {
    return (this.standsAt ?? Date.now()) + this.lead;
  }

  /** From here it goes on only where it is put forward: no window and no pause ends in the midst of a test. */
  stand(): void {
    this.standsAt = Date.now();
  }

  run(): void {
    this.standsAt = null;
  }

  advance(milliseconds: number): void {
    this.lead += milliseconds;
  }

  override ahead(): number {
    return this.lead;
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
  /** For tests that have work of their own done: comes before the first job is taken. */
  readonly work?: (jobs: Jobs) => void;
  /** For tests of the clock itself: what is due by it is done. */
  readonly schedules?: boolean;
  /** False where 503 is the matter; else it is taken as a client takes it, for a machine may stand still. Default true. */
  readonly patient?: boolean;
}

interface Request {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** The whole application, without a port: what `main.ts` runs, on the database of this worker. */
export class TestApp implements Household {
  readonly clock: TestClock;
  readonly people: People;
  private readonly inquiry: Inquiry;
  private readonly isStream: (method: string, url: string) => boolean;

  private constructor(
    readonly app: App,
    readonly ground: Ground,
    private readonly broken: string[],
    private readonly patient: boolean,
  ) {
    this.clock = ground.clock as TestClock;
    this.people = new People(this);
    this.inquiry = new Inquiry(asSuperuser(ground.address));
    this.isStream = streamsOf(app.document);
  }

  static start(options?: TestAppOptions): Promise<TestApp> {
    return again(() => TestApp.startOnce(options));
  }

  private static async startOnce({
    database,
    settings = {},
    secrets = new Secrets(Buffer.alloc(32, 7)),
    onLog,
    watched = true,
    prepare,
    work,
    schedules = false,
    patient = true,
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
    const app = await createApp(ground, 'http://127.0.0.1:3000', (fastify, document, nest) => {
      if (watched) watchContract(fastify, document, broken);
      prepare?.(fastify);
      work?.(nest.get(Jobs, { strict: false }));
    });
    const made = new TestApp(app, ground, broken, patient);
    if (!schedules) await made.stopSchedules();
    return made;
  }

  /**
   * A minute that begins in the midst of a test has nothing done in it that the test did not ask for: to the engine
   * every schedule has struck for a long time to come. `Schedules.fire` and `POST /ops/schedules/{name}/run` strike.
   */
  private async stopSchedules(): Promise<void> {
    const schedules = [...this.get(Jobs).known()].flatMap(([name, { cron }]) => (cron ? [name] : []));
    // Some have a cluster of their own.
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

  /** Sends a request; objects travel as JSON. Of a stream only the beginning is read. */
  send<T = never>(method: string, url: string, request: Request = {}): Promise<Answer<T>> {
    const send = () => this.sendOnce<T>(method, url, request);
    return this.patient ? patiently(send, ({ headers }) => headers['retry-after'] as string | undefined) : send();
  }

  private async sendOnce<T>(method: string, url: string, options: Request): Promise<Answer<T>> {
    const { token, body, headers = {} } = options;
    const isStream = this.isStream(method, url);
    const answer = await this.app.fastify.inject({
      method: method as 'GET',
      url,
      payloadAsStream: isStream,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
    });
    const text = isStream ? await textOf(answer) : answer.payload;
    const json = /[/+]json\b/.test(String(answer.headers['content-type'] ?? ''));
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text,
      body: (json && text ? JSON.parse(text) : null) as T,
    };
  }

  /** Asks this application's database, as its superuser. */
  sql<T = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> {
    return this.inquiry.ask<T>(text, values);
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
    await this.inquiry.end();
    if (this.broken.length > 0) throw new Error(`Answers that do not match the document:\n${this.broken.join('\n')}`);
  }
}
