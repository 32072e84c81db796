import { Injectable } from '@nestjs/common';

import { JobsRepository } from './jobs.repository.js';
import type { JobType } from './job.js';

type Handler<P> = (payload: P) => Promise<unknown>;

interface Work {
  readonly handler: Handler<never>;
  /** When it is due by itself: five fields, UTC; once over all processes. */
  readonly cron?: string;
}

@Injectable()
export class Jobs {
  private readonly handlers = new Map<string, Work>();

  constructor(private readonly jobs: JobsRepository) {}

  /** Owes the work: as part of the caller's transaction, if there is one. Of jobs with one key only the last waits. */
  enqueue<P extends object>(type: JobType<P>, payload: P, key: string | null = null): Promise<void> {
    return this.jobs.add(type.name, payload, type.maxAttempts, key);
  }

  /** Says how a kind of work is done; called while the application is put together. */
  work<P extends object>(type: JobType<P>, handler: Handler<P>, options: { readonly cron?: string } = {}): void {
    if (this.handlers.has(type.name)) throw new Error(`The job "${type.name}" has two handlers`);
    this.handlers.set(type.name, { handler, ...options });
  }

  known(): ReadonlyMap<string, Work> {
    return this.handlers;
  }
}
