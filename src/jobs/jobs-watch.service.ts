import { AsyncResource } from 'node:async_hooks';

import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';

import { Logs } from '../platform/logging/logger.js';
import { isOver } from './job.js';
import { JobsRepository } from './jobs.repository.js';
import type { JobRow } from './jobs.repository.js';

/** As often as progress is written. Milliseconds. */
const LOOKS_EVERY = 500;

interface Watcher {
  readonly tell: (job: JobRow) => unknown;
  readonly done: () => void;
  shown: string;
}

/** Watches jobs for whoever wants to know how they get on: one question for all of them, however many watch. */
@Injectable()
export class JobsWatch implements OnModuleDestroy {
  private readonly watchers = new Map<string, Set<Watcher>>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | null = null;
  private readonly log;
  /** Not in the name, nor in the time, of the request that is the first to watch. */
  private readonly begin = AsyncResource.bind(() => {
    this.timer ??= setInterval(() => void (this.looking ??= this.look()), LOOKS_EVERY).unref();
  });

  constructor(
    private readonly jobs: JobsRepository,
    logs: Logs,
  ) {
    this.log = logs.of('jobs');
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  /** Tells of a job as it is, and of each change of it. @returns when it is over, or the signal is given */
  follow(first: JobRow, tell: (job: JobRow) => unknown, signal: AbortSignal): Promise<void> {
    tell(first);
    if (isOver(first.state) || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const watcher = { tell, done: () => this.leave(first.id, watcher, resolve), shown: JSON.stringify(first) };
      this.watchers.set(first.id, (this.watchers.get(first.id) ?? new Set<Watcher>()).add(watcher));
      signal.addEventListener('abort', watcher.done, { once: true });
      this.begin();
    });
  }

  private leave(id: string, watcher: Watcher, resolve: () => void): void {
    const ofJob = this.watchers.get(id);
    ofJob?.delete(watcher);
    if (ofJob?.size === 0) this.watchers.delete(id);
    resolve();
  }

  private async look(): Promise<void> {
    try {
      if (this.watchers.size > 0)
        for (const job of await this.jobs.findAll([...this.watchers.keys()])) this.tellAll(job);
    } catch (error) {
      this.log.debug({ err: error }, 'The jobs that are watched could not be read');
    }
    this.looking = null;
  }

  private tellAll(job: JobRow): void {
    const shown = JSON.stringify(job);
    for (const watcher of this.watchers.get(job.id) ?? []) {
      if (watcher.shown !== shown) watcher.tell(job);
      watcher.shown = shown;
      if (isOver(job.state)) watcher.done();
    }
  }
}
