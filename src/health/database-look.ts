import { Injectable } from '@nestjs/common';

import { newId } from '../platform/crypto/tokens.js';
import { runInRequest } from '../platform/logging/request-context.js';
import { MigrationsRepository } from './migrations.repository.js';
import type { MigrationState } from './migrations.repository.js';

/** How long one look answers for those who ask after it. Milliseconds. */
const FRESH_FOR = 250;
/** When a look lets go of its connection; as long as the pool tries to make one, so that never two are held. */
const GIVE_UP_AFTER = 2000;

interface Sight {
  readonly milliseconds: number;
  readonly migrations: readonly MigrationState[];
}

/**
 * One look at the database for everybody who asks: one at a time and at most four a second, so that probes take one
 * connection of the pool at most, however many ask and however long the database stands still.
 */
@Injectable()
export class DatabaseLook {
  private looking: Promise<Sight> | null = null;
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly migrations: MigrationsRepository) {}

  /** Fails as the database does, after two seconds at the latest: whoever cannot wait so long must not. */
  sight(): Promise<Sight> {
    if (!this.looking || performance.now() - this.lookedAt > FRESH_FOR) {
      this.lookedAt = Number.POSITIVE_INFINITY;
      this.looking = this.look().finally(() => {
        this.lookedAt = performance.now();
      });
    }
    return this.looking;
  }

  private look(): Promise<Sight> {
    const startedAt = performance.now();
    const context = {
      requestId: `probe-${newId()}`,
      deadline: startedAt + GIVE_UP_AFTER,
      ip: null,
      userAgent: null,
      actorId: null,
    };
    return runInRequest(context, async () => {
      const migrations = await this.migrations.all();
      return { milliseconds: performance.now() - startedAt, migrations };
    });
  }
}
