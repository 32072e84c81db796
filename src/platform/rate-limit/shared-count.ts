import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { Counter } from 'prom-client';
import { RateLimiterPostgres, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { RateLimiterStoreAbstract } from 'rate-limiter-flexible';

import { Config } from '../config/config.js';
import { Secrets } from '../crypto/secrets.js';
import { Database } from '../database/database.js';
import { Logs } from '../logging/logger.js';
import { Indicators } from '../telemetry/indicators.js';
import type { Finding } from '../telemetry/indicators.js';
import { Metrics } from '../telemetry/metrics.js';
import type { Policy } from './limit.js';

/** How long one question may take, and how long nothing is asked after one that failed. Milliseconds. */
const PATIENCE = 1000;
const REST = 3000;
/** Counts outlive their window by this, for the clocks of processes differ. Seconds. */
const SLACK = 60;

class Late extends Error {}

/**
 * The counts that all processes share: in Redis if there is one, else in PostgreSQL. When it is lost it is left alone
 * for some seconds, and each process counts for itself.
 */
@Injectable()
export class SharedCount implements OnModuleInit, OnModuleDestroy {
  private readonly limiters = new Map<Policy, RateLimiterStoreAbstract>();
  private readonly redis: Redis | null;
  private readonly key: Buffer;
  private readonly failures: Counter;
  private readonly log;
  private lost = false;
  private askAgainAt = 0;

  constructor(
    private readonly db: Database,
    private readonly config: Config,
    private readonly indicators: Indicators,
    logs: Logs,
    metrics: Metrics,
    secrets: Secrets,
  ) {
    const { REDIS_URL, RATE_LIMITS } = config.values;
    this.redis = REDIS_URL && RATE_LIMITS === 'on' ? redisAt(REDIS_URL) : null;
    this.key = secrets.key('rate limits');
    this.log = logs.of('limits');
    this.failures = metrics.counter('rate_limit_store_failures_total', 'Times that the shared limits were lost');
  }

  async onModuleInit(): Promise<void> {
    if (this.config.values.RATE_LIMITS === 'off') return;
    this.indicators.register('limits', () => this.look());
    if (!this.redis) return;
    // It tries again by itself, and says so each time; that it is lost is told once, when it is needed.
    this.redis.on('error', (error) => this.log.debug({ err: error }, 'Redis cannot be reached'));
    this.redis.on('ready', () => (this.askAgainAt = 0));
    // A Redis that is away stops no start: the first question tells that it is lost.
    const connected = this.redis.connect().catch((error: unknown) => this.log.debug({ err: error }, 'No Redis yet'));
    await Promise.race([connected, pause(PATIENCE, undefined, { ref: false })]);
  }

  onModuleDestroy(): void {
    this.redis?.disconnect();
  }

  /** @returns what all took in this window, these points included; null when the count is lost */
  readonly take = async (policy: Policy, subject: string, window: number, points: number): Promise<number | null> => {
    if (performance.now() < this.askAgainAt) return null;
    try {
      const { consumedPoints } = await this.consume(policy, subject, window, points);
      this.found();
      return consumedPoints;
    } catch (error) {
      this.lose(error);
      return null;
    }
  };

  /** Forgets counts whose window is over. @returns how many */
  prune(now: number): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.rate_limits WHERE key IN
        (SELECT key FROM roster.rate_limits WHERE expire < $1 ORDER BY expire LIMIT $2)`,
      [now],
    );
  }

  private async consume(policy: Policy, subject: string, window: number, points: number): Promise<RateLimiterRes> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Late('No answer in time')), PATIENCE);
    });
    try {
      return await Promise.race([this.limiterOf(policy).consume(this.keyOf(subject, window), points), late]);
    } catch (error) {
      // Thrown when there are not so many points: how many there are is the answer.
      if (error instanceof RateLimiterRes) return error;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Neither addresses nor names lie in the store, nor can they be guessed from what does. */
  private keyOf(subject: string, window: number): string {
    return `${createHmac('sha256', this.key).update(subject).digest('base64url').slice(0, 22)}:${window}`;
  }

  private limiterOf(policy: Policy): RateLimiterStoreAbstract {
    let limiter = this.limiters.get(policy);
    if (!limiter) {
      const { name, by, points, seconds } = policy;
      const options = { keyPrefix: `roster:${name}:${by}`, points, duration: seconds + SLACK };
      limiter = this.redis
        ? new RateLimiterRedis({ ...options, storeClient: this.redis, rejectIfRedisNotReady: true })
        : new RateLimiterPostgres({ ...options, ...tableIn(this.db) });
      this.limiters.set(policy, limiter);
    }
    return limiter;
  }

  private found(): void {
    if (this.lost) this.log.info('The limits are shared again');
    this.lost = false;
  }

  private lose(error: unknown): void {
    this.failures.inc();
    this.askAgainAt = performance.now() + REST;
    if (!this.lost) this.log.warn({ err: error }, 'The shared limits are lost: each process counts for itself');
    this.lost = true;
  }

  /** Losing it degrades and never fails: requests go on. */
  private async look(): Promise<Finding> {
    const store = this.redis ? 'Redis' : 'PostgreSQL';
    if (this.lost) await this.take(PROBE, 'probe', 0, 1);
    if (!this.lost && (!this.redis || this.redis.status === 'ready')) return { status: 'pass' };
    return { status: 'warn', output: `${store} does not answer: each process counts requests for itself` };
  }
}

const PROBE: Policy = { name: 'probe', by: 'address', points: 1, seconds: 1 };

function redisAt(url: string): Redis {
  return new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: PATIENCE,
    connectTimeout: 2000,
    connectionName: 'roster',
    retryStrategy: (times) => Math.min(200 * times, 2000),
  });
}

interface Question {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/** The table is made by our migration and cleaned by our job; its statements go through the one door to PostgreSQL. */
function tableIn(db: Database): Omit<ConstructorParameters<typeof RateLimiterPostgres>[0], 'points' | 'duration'> {
  const query = async ({ name, text, values }: Question): Promise<object> => ({
    rows: await db.rows({ name, text }, values),
  });
  return {
    storeClient: { query },
    storeType: 'client',
    schemaName: 'roster',
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: false,
  };
}
