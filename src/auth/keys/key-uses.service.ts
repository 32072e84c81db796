import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';

import { Clock } from '../../platform/clock/clock.js';
import { Logs } from '../../platform/logging/logger.js';
import { ApiKeysRepository } from './api-keys.repository.js';
import type { KeyUse } from './api-keys.repository.js';

/** How soon a use can be seen. Milliseconds. */
const WRITE_EVERY = 10_000;

/**
 * When each key was last used. A use is a note in memory, which a timer writes: a key that is used a thousand times a
 * second costs no statement more, and one that is remembered for days is seen to be used all the same.
 */
@Injectable()
export class KeyUses implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private noted = new Map<string, KeyUse>();
  private timer: NodeJS.Timeout | undefined;
  private readonly log;

  constructor(
    private readonly clock: Clock,
    private readonly keys: ApiKeysRepository,
    logs: Logs,
  ) {
    this.log = logs.of('api-keys');
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.write(), WRITE_EVERY).unref();
  }

  /** While the database can still be asked. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.write();
  }

  note(keyId: string, ip: string | null): void {
    this.noted.set(keyId, { keyId, at: this.clock.now(), ip });
  }

  async write(): Promise<void> {
    const uses = this.noted;
    if (uses.size === 0) return;
    this.noted = new Map();
    try {
      await this.keys.used([...uses.values()]);
    } catch (error) {
      // The next ones are written with these; what came meanwhile is newer.
      this.noted = new Map([...uses, ...this.noted]);
      this.log.debug({ err: error }, 'The uses of keys could not be written');
    }
  }
}
