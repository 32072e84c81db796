/** A kind of work that is done later, at least once: its handler must be able to run again after a crash. */
export interface JobType<P extends object> {
  readonly name: string;
  readonly maxAttempts: number;
  /**
   * Nobody is shown the payload, nor what an error says; it is forgotten once the job has succeeded or was cancelled. A dead
   * one keeps it, to be tried again, for `JOBS_RETENTION`: whoever owes it seals it.
   */
  readonly isSecret: boolean;
  /** People may cancel it. */
  readonly cancellable: boolean;
  /** It may take minutes or hours: those like it have half of the places of a process, the rest is for the others. */
  readonly isLong: boolean;
  /** Only for the type checker: what the payload is. */
  readonly payload?: P;
}

export interface JobOptions {
  readonly maxAttempts: number;
  readonly isSecret?: boolean;
  readonly cancellable?: boolean;
  readonly isLong?: boolean;
}

/** How a job is owed. */
export interface Terms {
  /** Of the jobs of one type and key only the last waits: it takes the place, and the id, of the one before. */
  readonly key?: string | null;
  /** Jobs of one queue run one at a time, in the order in which they became due; one that is tried again lets others by. */
  readonly queue?: string | null;
  /** Now, unless told. */
  readonly runAt?: Date | null;
  /** Who wants it; whoever asks, unless told. */
  readonly actorId?: string | null;
}

/**
 * One attempt, as its handler sees it. What it changes outside the database happens at least once. What it changes in the
 * database happens once if it is changed in `complete`, or in `transaction` together with how far it has come.
 */
export interface JobRun {
  readonly id: string;
  /** Aborted when somebody cancels the job, when the process stops, and when the job was taken from this process. */
  readonly signal: AbortSignal;
  /** How far it is; told to those who watch, twice a second at most. */
  progress(done: number, total: number | null): void;
  /** A transaction in which the job is still this attempt's: nobody else can have begun it again. @throws JobTaken */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /** Such a transaction that also ends the job well, with what `work` returns: both are done, or neither. @throws JobTaken */
  complete<T>(work: () => Promise<T>): Promise<T>;
}

export type Handler<P> = (payload: P, run: JobRun) => unknown;

export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'dead', 'cancelled'] as const;
/** `failed` is tried again; `dead` is not, unless somebody asks for it. */
export type JobState = (typeof JOB_STATES)[number];

const FINAL: ReadonlySet<string> = new Set<JobState>(['succeeded', 'dead', 'cancelled']);

export function isOver(state: JobState): boolean {
  return FINAL.has(state);
}

/** A failure whose words hold nothing of the payload: they are shown even of a secret job. */
export class JobFailure extends Error {}

/** The job is no longer this attempt's: this process was silent for too long, and another has begun the job again. */
export class JobTaken extends Error {}

const names = new Set<string>();

/** Names a kind of work, `<thing>.<deed>`; a second of the same name stops the start. */
export function defineJob<P extends object = object>(name: string, options: JobOptions): JobType<P> {
  if (names.has(name)) throw new Error(`The job "${name}" is defined twice`);
  names.add(name);
  return Object.freeze({ name, isSecret: false, cancellable: true, isLong: false, ...options });
}
