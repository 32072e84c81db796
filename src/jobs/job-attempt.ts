import type { Database } from '../platform/database/database.js';
import { JobTaken } from './job.js';
import type { JobRun } from './job.js';
import type { JobsRepository } from './jobs.repository.js';
import type { Begun, Progress } from './worker-record.js';

/** Why a handler should stop; who is `cut_off` from the database does not know whether the job was taken. */
export type Interruption = 'cancelled' | 'stopping' | 'taken' | 'cut_off';

/** One attempt of a job in this process. */
export class JobAttempt implements JobRun {
  /** Its handler ended it by `complete`. */
  isOver = false;
  interruption: Interruption | null = null;
  private readonly interrupted = new AbortController();
  private news: Progress | null = null;

  constructor(
    readonly begun: Begun,
    private readonly worker: string,
    private readonly db: Database,
    private readonly jobs: JobsRepository,
  ) {}

  get id(): string {
    return this.begun.id;
  }

  get signal(): AbortSignal {
    return this.interrupted.signal;
  }

  interrupt(why: Interruption): void {
    this.interruption ??= why;
    this.interrupted.abort(new Error(`The job was interrupted: ${why}`));
  }

  progress(done: number, total: number | null): void {
    const whole = (number: number): number => Math.max(0, Math.trunc(number) || 0);
    this.news = {
      id: this.id,
      attempt: this.begun.attempt,
      done: whole(done),
      total: total === null ? null : whole(total),
    };
  }

  /** What was not told yet. */
  takeNews(): Progress | null {
    const { news } = this;
    this.news = null;
    return news;
  }

  transaction<T>(work: () => Promise<T>): Promise<T> {
    return this.db.transaction(async () => {
      if (!(await this.jobs.hold(this.id, this.begun.attempt, this.worker))) throw new JobTaken();
      return work();
    });
  }

  async complete<T>(work: () => Promise<T>): Promise<T> {
    const result = await this.transaction(async () => {
      const made = await work();
      await this.jobs.succeed(this.id, resultOf(made));
      return made;
    });
    this.isOver = true;
    return result;
  }
}

/** What a result may take as JSON. Bytes. */
const LARGEST_RESULT = 64 * 1024;

/** What a handler returns, as it is kept: an object; nothing, if it is too much. */
export function resultOf(made: unknown): string | null {
  if (made === undefined || made === null) return null;
  const text = JSON.stringify(typeof made === 'object' && !Array.isArray(made) ? made : { value: made });
  return text.length > LARGEST_RESULT ? null : text;
}
