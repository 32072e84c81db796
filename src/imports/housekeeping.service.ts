import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { Exports } from './exports.service.js';
import { HousekeepingRepository } from './housekeeping.repository.js';
import { Imports } from './imports.service.js';

const Sweep = defineJob('imports.sweep', { maxAttempts: 1 });
const Prune = defineJob('imports.prune', { maxAttempts: 3 });

/** Whoever is at work on it writes more often. Milliseconds. */
const SILENT_FOR = 20_000;
/** Longer than a file may take to come in. Milliseconds. */
const ABANDONED_AFTER = 65 * 60_000;

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/** Goes on with what a process has left undone, and takes away what nobody needs any more. */
@Injectable()
export class Housekeeping {
  constructor(
    private readonly clock: Clock,
    config: Config,
    jobs: Jobs,
    private readonly imports: Imports,
    private readonly exports: Exports,
    private readonly files: HousekeepingRepository,
  ) {
    const { IMPORTS_RETENTION } = config.values;
    jobs.work(Sweep, () => this.sweep(), { cron: '* * * * *' });
    jobs.work(Prune, () => files.prune(new Date(clock.millis() - IMPORTS_RETENTION)), { cron: '17 * * * *' });
  }

  /** What nobody has touched for a while follows its job: most wait for their turn. */
  async sweep(): Promise<void> {
    const now = this.clock.millis();
    const silent = new Date(now - SILENT_FOR);
    for await (const importId of this.unfinished('imports', silent)) await this.imports.follow(importId);
    for await (const exportId of this.unfinished('exports', silent)) await this.exports.follow(exportId);
    await this.files.abandon(new Date(now - ABANDONED_AFTER), new Date(now));
    await this.files.dropStaged();
  }

  /** All of them, a page at a time: most only wait for their turn, and stand in nobody's way. */
  private async *unfinished(table: 'imports' | 'exports', before: Date): AsyncGenerator<string> {
    for (let after: string | undefined = BEFORE_ALL; after !== undefined;) {
      const page: string[] = await this.files.unfinished(table, before, after);
      yield* page;
      after = page.at(-1);
    }
  }
}
