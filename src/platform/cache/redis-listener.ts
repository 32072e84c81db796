import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { Redis } from 'ioredis';

import type { Logs } from '../logging/logger.js';
import type { Indicators } from '../telemetry/indicators.js';
import { Listener } from './listener.js';

/** How long one word may take to be said. Milliseconds. */
const PATIENCE = 1000;
/** Other programs may share the Redis. */
const PREFIX = 'roster:';

/** PUBLISH and SUBSCRIBE. One that is away delays nobody: readers poll, and connections come back by themselves. */
export class RedisListener extends Listener implements OnModuleInit, OnModuleDestroy {
  private readonly says: Redis;
  private readonly hears: Redis;
  private readonly log;
  private failing = false;
  private stopped = false;

  constructor(
    url: string,
    logs: Logs,
    private readonly indicators: Indicators,
  ) {
    super();
    this.log = logs.of('listener');
    this.says = connectionTo(url, { enableOfflineQueue: false, commandTimeout: PATIENCE });
    // It subscribes again by itself to whatever it was subscribed to.
    this.hears = connectionTo(url, {});
    this.hears.on('message', (channel: string) => this.handlers.get(channel.slice(PREFIX.length))?.());
    for (const one of [this.says, this.hears])
      one.on('error', (error) => this.log.debug({ err: error }, 'Redis cannot be reached'));
  }

  onModuleInit(): void {
    this.indicators.register('nudges', () =>
      this.says.status === 'ready' && this.hears.status === 'ready'
        ? { status: 'pass' }
        : {
            status: 'warn',
            output: 'Redis does not answer: others learn of changes within half a second, not at once',
          },
    );
    void this.says.connect().catch(this.complain);
  }

  onModuleDestroy(): void {
    this.stopped = true;
    this.says.disconnect();
    this.hears.disconnect();
  }

  nudge(channel: string): void {
    this.says.publish(PREFIX + channel, '').then(() => (this.failing = false), this.complain);
  }

  protected listen(channel: string): void {
    void this.hears.subscribe(PREFIX + channel).catch(this.complain);
  }

  private readonly complain = (error: unknown): void => {
    if (!this.failing && !this.stopped)
      this.log.warn({ err: error }, 'A nudge could not be told by Redis; readers poll');
    this.failing = true;
  };
}

function connectionTo(url: string, options: { enableOfflineQueue?: boolean; commandTimeout?: number }): Redis {
  return new Redis(url, {
    ...options,
    lazyConnect: true,
    keepAlive: 10_000,
    maxRetriesPerRequest: null,
    connectTimeout: 2000,
    connectionName: 'roster-nudges',
    retryStrategy: (times) => Math.min(200 * times, 2000),
  });
}
