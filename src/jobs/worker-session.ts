import { setTimeout as pause } from 'node:timers/promises';

import type { Database } from '../platform/database/database.js';
import { isUnavailable } from '../platform/database/database-errors.js';
import { runInRequest } from '../platform/logging/request-context.js';
import type { RequestContext } from '../platform/logging/request-context.js';
import { backoff } from './backoff.js';
import { Gathered } from './gathered.js';
import { JobFailure, JobTaken } from './job.js';
import type { Handler } from './job.js';
import { JobAttempt, resultOf } from './job-attempt.js';
import type { Interruption } from './job-attempt.js';
import type { JobsRepository } from './jobs.repository.js';
import type { Work } from './jobs.service.js';
import type { Slots } from './slots.js';
import { BEATS_EVERY } from './worker-record.js';
import type { Begun, Ended, WorkerRecord } from './worker-record.js';

/** What one statement of a handler may take. Milliseconds. */
const PATIENCE = 60_000;
const TELLS_EVERY = 500;
/** Between two attempts to write how a job ended. Milliseconds. */
const WRITES_AGAIN_AFTER = 500;
/** Signs of life between two looks for what was forgotten: five minutes. */
const REPAIRS_EVERY = 60;
const LONGEST_ERROR = 1000;

/** What a session tells of, for logs and metrics. */
export interface Telling {
  readonly ended: (name: string, end: Ended, error?: unknown) => void;
  readonly lost: (what: string, error: unknown) => void;
  readonly gaveUp: (workers: readonly string[]) => void;
}

/** What graphile-worker gave for a job. */
export interface Ticket {
  readonly id: string;
  readonly isQueued: boolean;
}

interface Parts {
  readonly record: WorkerRecord;
  /** Has the engine look for jobs at once. */
  readonly nudge: () => void;
  readonly db: Database;
  readonly jobs: JobsRepository;
  readonly slots: Slots;
  readonly telling: Telling;
}

/** One life of the engine in this process: it has a name of its own, and jobs that are its own as long as it gives signs of life. */
export class WorkerSession {
  private readonly attempts = new Map<string, JobAttempt | null>();
  private readonly begins: Gathered<string, Begun | null>;
  private readonly ends: Gathered<Ended, boolean>;
  private readonly frees: Gathered<string, null>;
  private readonly timers: NodeJS.Timeout[] = [];
  private beats = 0;
  /** Signs of life without a gap: whoever was cut off itself may not judge others. */
  private steady = 0;
  private beating: Promise<void> | null = null;
  private readonly born = Promise.withResolvers<void>();
  private stopping = false;

  constructor(private readonly parts: Parts) {
    const { record } = parts;
    this.begins = new Gathered((ids) => record.begin(ids));
    this.ends = new Gathered((ended) => record.end(ended));
    this.frees = new Gathered(async (tickets) => {
      await record.freeQueues(tickets);
      parts.nudge();
      return tickets.map(() => null);
    });
  }

  start(): void {
    this.beat();
    this.timers.push(
      setInterval(() => this.beat(), BEATS_EVERY).unref(),
      setInterval(() => void this.tellProgress(this.attempts.values()), TELLS_EVERY).unref(),
    );
  }

  /** Waits for the first sign of life: what somebody takes whom nobody knows would be missed by nobody. */
  get isKnown(): Promise<void> {
    return this.born.promise;
  }

  /** Asks the handlers to stop; what has not begun is handed back. */
  stop(): void {
    this.stopping = true;
    this.born.resolve();
    this.parts.slots.close();
    this.interruptAll('stopping');
  }

  /** After the last job: whatever is left is somebody else's from now on. */
  async leave(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await this.beating;
    this.interruptAll('taken');
    await this.parts.record.leave();
  }

  /** Does the job of a ticket; a ticket of what is over, or runs already, is none. */
  async take(id: string, work: Work, ticket: Ticket): Promise<void> {
    if (this.attempts.has(id)) {
      // What was taken from us and has not ended yet cannot be begun again here: its ticket comes up once more.
      if (this.attempts.get(id)?.interruption === 'taken') throw new JobTaken('It has not ended here yet');
      return;
    }
    this.attempts.set(id, null);
    try {
      const begun = await this.begins.add(id);
      if (!begun) return;
      const attempt = new JobAttempt(begun, this.parts.record.worker, this.parts.db, this.parts.jobs);
      this.attempts.set(id, attempt);
      const end = await this.run(attempt, work);
      // How far it came in the end: nobody else asks it from now on.
      if (end) await this.tellProgress([attempt]);
      if (end) await this.write(end);
      if (ticket.isQueued) await this.frees.add(ticket.id);
    } finally {
      this.attempts.delete(id);
    }
  }

  /** Looks which of the jobs that run here were cancelled. */
  async lookForCancelled(): Promise<void> {
    try {
      this.interrupt(await this.parts.record.cancelled([...this.attempts.keys()]), 'cancelled');
    } catch (error) {
      this.parts.telling.lost('The cancelled jobs could not be read', error);
    }
  }

  private async run(attempt: JobAttempt, { type, handler }: Work): Promise<Ended | null> {
    const { slots, telling } = this.parts;
    let end: Ended | null;
    let cause: unknown;
    try {
      end =
        (await slots.run(() => succeed(attempt, handler as Handler<object>))) ??
        ({ ...nameOf(attempt), state: 'queued' } as const);
    } catch (error) {
      cause = error;
      end = endOf(attempt, error);
    }
    // What `complete` has written cannot fail any more.
    if (attempt.isOver) end = { ...nameOf(attempt), state: 'succeeded' };
    if (end) telling.ended(type.name, end, cause);
    return attempt.isOver ? null : end;
  }

  /** Until it is written the job is ours, and its ticket too: a database that is away only delays it. */
  private async write(end: Ended): Promise<void> {
    for (let told = end; ;) {
      try {
        await this.ends.add(told);
        return;
      } catch (error) {
        this.parts.telling.lost('How a job ended could not be written', error);
        if (this.stopping) throw error;
        // PostgreSQL does not take every text: a result that it refuses is left out.
        if (!isUnavailable(error)) told = { ...end, result: null };
        await pause(WRITES_AGAIN_AFTER);
      }
    }
  }

  private beat(): void {
    this.beating ??= this.giveSignOfLife().finally(() => (this.beating = null));
  }

  private async giveSignOfLife(): Promise<void> {
    const { record, telling } = this.parts;
    try {
      const { wasGivenUp, cancelled } = await record.beat([...this.attempts.keys()]);
      this.born.resolve();
      if (wasGivenUp && this.beats > 0) this.interruptAll('taken');
      this.interrupt(cancelled, 'cancelled');
      this.steady += 1;
      if (this.steady > 1) {
        const silent = await record.giveUpTheSilent();
        if (silent.length > 0) telling.gaveUp(silent);
      }
      if (this.beats % REPAIRS_EVERY === 0) await record.repair();
      this.beats += 1;
    } catch (error) {
      this.steady = 0;
      telling.lost('The sign of life was not written', error);
    }
  }

  private async tellProgress(attempts: Iterable<JobAttempt | null>): Promise<void> {
    const news = [...attempts].flatMap((attempt) => attempt?.takeNews() ?? []);
    if (news.length === 0) return;
    await this.parts.record
      .tell(news)
      .catch((error: unknown) => this.parts.telling.lost('Progress was not written', error));
  }

  private interruptAll(why: Interruption): void {
    this.interrupt([...this.attempts.keys()], why);
  }

  private interrupt(ids: readonly string[], why: Interruption): void {
    for (const id of ids) this.attempts.get(id)?.interrupt(why);
  }
}

async function succeed(attempt: JobAttempt, handler: Handler<object>): Promise<Ended> {
  // Cancelled, or taken, while it waited for its turn.
  attempt.signal.throwIfAborted();
  const { payload } = attempt.begun;
  const made = await runInRequest(contextOf(attempt.begun), async () => handler(payload, attempt));
  return { ...nameOf(attempt), state: 'succeeded', result: resultOf(made) };
}

function nameOf({ id, begun: { attempt } }: JobAttempt): Pick<Ended, 'id' | 'attempt'> {
  return { id, attempt };
}

/** How an attempt that failed ends; null if that is no longer ours to say. */
function endOf(attempt: JobAttempt, failure: unknown): Ended | null {
  const { interruption, begun } = attempt;
  if (interruption === 'taken' || failure instanceof JobTaken) return null;
  if (interruption === 'cancelled') return { ...nameOf(attempt), state: 'cancelled' };
  if (interruption === 'stopping') return { ...nameOf(attempt), state: 'queued' };
  const error = wordsOf(failure, begun.isSecret);
  if (begun.counted >= begun.maxAttempts) return { ...nameOf(attempt), state: 'dead', error };
  return { ...nameOf(attempt), state: 'failed', delay: backoff(begun.counted), error };
}

/** What people may know of a failure: of a secret job nothing that could be a part of its payload. */
function wordsOf(failure: unknown, isSecret: boolean): string {
  const { name, message, code } = (failure instanceof Error ? failure : new Error(String(failure))) as Error & {
    code?: unknown;
  };
  const words =
    isSecret && !(failure instanceof JobFailure) ? [name, typeof code === 'string' ? code : ''] : [name, message];
  return words.filter(Boolean).join(': ').replaceAll('\0', '').slice(0, LONGEST_ERROR);
}

/** A job may take hours, but no statement of it. */
function contextOf({ id, attempt, actorId }: Begun): RequestContext {
  return {
    requestId: `job-${id}-${attempt}`,
    get deadline() {
      return performance.now() + PATIENCE;
    },
    ip: null,
    userAgent: null,
    actorId,
  };
}
