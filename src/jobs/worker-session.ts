import { setTimeout as pause } from 'node:timers/promises';

import type { Database } from '../platform/database/database.js';
import { isUnavailable } from '../platform/database/database-errors.js';
import { runInRequest } from '../platform/logging/request-context.js';
import { contextOf, endOf, nameOf } from './attempt-end.js';
import { Gathered } from './gathered.js';
import { JobTaken } from './job.js';
import type { Handler } from './job.js';
import { JobAttempt, resultOf } from './job-attempt.js';
import type { Interruption } from './job-attempt.js';
import type { JobsRepository } from './jobs.repository.js';
import type { Work } from './jobs.service.js';
import type { Slots } from './slots.js';
import { Suspects } from './suspects.js';
import { BEATS_EVERY } from './worker-record.js';
import type { Begun, Ended, WorkerRecord } from './worker-record.js';

const TELLS_EVERY = 500;
/** Between two attempts to write how a job ended. Milliseconds. */
const WRITES_AGAIN_AFTER = 500;
/** Looks after others between two looks for what was forgotten: five minutes. */
const REPAIRS_EVERY = 60;
/** So long without a sign of life, and what runs here may soon be somebody else's. Milliseconds. */
const CUT_OFF_AFTER = 10_000;
const WATCHES_EVERY = 500;

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
  private readonly tickets = new Set<string>();
  private readonly begins: Gathered<string, Begun | null>;
  private readonly ends: Gathered<Ended, boolean>;
  private readonly frees: Gathered<string, null>;
  private readonly timers: NodeJS.Timeout[] = [];
  private beats = 0;
  /** Signs of life without a gap: whoever was cut off itself may not judge others. */
  private steady = 0;
  private beating: Promise<void> | null = null;
  private caring: Promise<void> | null = null;
  private cares = 0;
  /** When the last sign of life was sent that came through: by a clock that goes on whatever becomes of this process. */
  private heardAt = Number.POSITIVE_INFINITY;
  private readonly born = Promise.withResolvers<void>();
  private readonly stopped = Promise.withResolvers<void>();
  private readonly suspects = new Suspects();
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
      setInterval(() => this.stopIfCutOff(), WATCHES_EVERY).unref(),
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
    this.stopped.resolve();
    this.parts.slots.close();
    this.interruptAll('stopping');
  }

  /** After the last job: whatever is left is somebody else's from now on. */
  async leave(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await Promise.all([this.beating, this.caring]);
    this.interruptAll('taken');
    await this.parts.record.leave();
  }

  /**
   * Does the job of a ticket; a ticket of what is over is none. The engine throws away the ticket of whoever returns, even
   * one that was taken from us and is somebody's again: unless the ticket has had its end here, this throws.
   * @throws JobTaken
   */
  async take(id: string, work: Work, ticket: Ticket): Promise<void> {
    // What runs here cannot be begun here again: a second ticket of it comes up once more.
    if (this.attempts.has(id)) throw new JobTaken('It has not ended here yet');
    this.attempts.set(id, null);
    this.tickets.add(ticket.id);
    try {
      await (work.type.isLong ? this.takeLong(id, work, ticket) : this.attempt(id, work, ticket));
    } finally {
      this.attempts.delete(id);
      this.tickets.delete(ticket.id);
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

  private async takeLong(id: string, work: Work, ticket: Ticket): Promise<void> {
    const { slots, record } = this.parts;
    // Of a queue there is never more than one, and it keeps its place.
    if (ticket.isQueued || !slots.isFullOfLong) return slots.runLong(() => this.attempt(id, work, ticket));
    if (!(await record.holds(ticket.id, id))) throw new JobTaken('Its ticket is not ours');
    await record.putOff(id);
  }

  private async attempt(id: string, work: Work, ticket: Ticket): Promise<void> {
    const begun = await this.begins.add(id);
    if (begun) await this.make(begun, work);
    else if (!(await this.parts.record.holds(ticket.id, id))) throw new JobTaken('Its ticket is not ours');
    if (begun && ticket.isQueued) await this.frees.add(ticket.id);
  }

  private async make(begun: Begun, work: Work): Promise<void> {
    const attempt = new JobAttempt(begun, this.parts.record.worker, this.parts.db, this.parts.jobs);
    this.attempts.set(begun.id, attempt);
    const letGo = begun.crashes > 0 ? await this.suspects.turn(this.stopped.promise) : undefined;
    try {
      const end = await this.run(attempt, work);
      // How far it came in the end: nobody else asks it from now on.
      if (end) await this.tellProgress([attempt]);
      if (end) await this.write(end);
      else if (!attempt.isOver) throw new JobTaken();
    } finally {
      letGo?.();
    }
  }

  private async run(attempt: JobAttempt, { type, handler }: Work): Promise<Ended | null> {
    const { slots, telling } = this.parts;
    let end: Ended | null;
    let cause: unknown;
    try {
      end =
        (await slots.run(() => this.succeed(attempt, handler as Handler<object>), type.isLong)) ??
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

  private async succeed(attempt: JobAttempt, handler: Handler<object>): Promise<Ended> {
    // Cancelled, or taken, while it waited for its turn.
    attempt.signal.throwIfAborted();
    const { begun } = attempt;
    if (begun.crashes > 0) await this.expectCrash(attempt);
    const made = await runInRequest(contextOf(begun), async () => handler(begun.payload, attempt));
    return { ...nameOf(attempt), state: 'succeeded', result: resultOf(made) };
  }

  /** That it could not be written is no failure of the job: it has not begun. */
  private async expectCrash(attempt: JobAttempt): Promise<void> {
    const isOurs = await this.parts.record.expectCrash(attempt.id, attempt.begun.attempt).catch((error: unknown) => {
      attempt.interrupt('cut_off');
      throw error;
    });
    if (!isOurs) throw new JobTaken();
  }

  /** Until it is written the job is ours, and its ticket too: a database that is away only delays it. @throws JobTaken */
  private async write(end: Ended): Promise<void> {
    for (let told = end; ;) {
      try {
        if (await this.ends.add(told)) return;
        throw new JobTaken('How it ended is not ours to say');
      } catch (error) {
        if (error instanceof JobTaken) throw error;
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
    const sentAt = performance.now();
    try {
      const { wasGivenUp, cancelled } = await record.beat([...this.attempts.keys()]);
      this.heardAt = sentAt;
      this.born.resolve();
      if (wasGivenUp && this.beats > 0) this.interruptAll('taken');
      this.interrupt(cancelled, 'cancelled');
      this.steady += 1;
      this.beats += 1;
    } catch (error) {
      this.steady = 0;
      telling.lost('The sign of life was not written', error);
      return;
    }
    // Not waited for: whoever looks after others would be missed itself.
    this.caring ??= this.lookAfterOthers().finally(() => (this.caring = null));
  }

  private async lookAfterOthers(): Promise<void> {
    const { record, telling } = this.parts;
    try {
      if (this.steady > 1) {
        const silent = await record.giveUpTheSilent();
        if (silent.length > 0) telling.gaveUp(silent);
      }
      await record.freeForgotten([...this.attempts.keys()]);
      if (this.cares % REPAIRS_EVERY === 0) await record.repair([...this.tickets]);
      this.cares += 1;
    } catch (error) {
      telling.lost('What others left behind could not be looked after', error);
    }
  }

  /** Others may give us up in a moment: nothing goes on here until it is known whose it is. */
  private stopIfCutOff(): void {
    if (performance.now() - this.heardAt > CUT_OFF_AFTER) this.interruptAll('cut_off');
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
