/**
 * Password hashes off the event loop, in threads of their own.
 *
 * `crypto.argon2` would run in libuv's four threads, where every file read and DNS look-up would wait behind sign-ins;
 * so workers run `argon2Sync`, one less than there are cores, behind a queue with an end. One more thread judges new
 * passwords: the dictionaries are in memory once, and no sign-in waits behind a slow judgement. Threads start with the
 * first task (100 ms, 40 MB each; the judge 250 ms, 50 MB) and end when idle.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { isForeignHash } from './foreign-hashes.js';
import { normalizePassword, type PasswordContext, type PasswordFault } from './password-policy.js';
import { dummyHash, isOwnHash, parseHash, withinBounds, type Argon2Parameters } from './password-worker.js';

export type { Argon2Parameters } from './password-worker.js';

/** OWASP's and RFC 9106's order of magnitude for a server: 19 MiB, two passes, one lane. */
export const DEFAULT_PARAMETERS: Argon2Parameters = { memory: 19_456, passes: 2, parallelism: 1 };

/** As many tasks are already waiting as can be answered in time; the caller should be told to come again. */
export class HashingBusy extends Error {
  constructor() {
    super('Too many passwords are waiting to be hashed');
    this.name = 'HashingBusy';
  }
}

export interface PasswordHasherOptions {
  parameters?: Argon2Parameters;
  /** default: one less than there are cores, at least one */
  threads?: number;
  /** waiting tasks before `HashingBusy`; default: 50 a thread, about half of what a request may take */
  maxQueue?: number;
  /** of a new password, in code points */
  minLength: number;
}

// One folder up or down, the worker's file has the ending of this one: `.js` in dist, `.ts` under Jest.
const ENDING = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const WORKER = fileURLToPath(new URL(`./password-worker.${ENDING}`, import.meta.url));
const FOREIGN = fileURLToPath(new URL(`./foreign-hashes.${ENDING}`, import.meta.url));
const POLICY = fileURLToPath(new URL(`./password-policy.${ENDING}`, import.meta.url));

const IDLE_MS = 30_000;
const QUEUE_PER_THREAD = 50;

export class PasswordHasher {
  private readonly parameters: Argon2Parameters;
  private readonly minLength: number;
  private readonly maxQueue: number;
  private readonly dummy: string;
  private readonly hashing: Piscina;
  private readonly judging: Piscina;
  private computed = 0;

  constructor(options: PasswordHasherOptions) {
    this.parameters = options.parameters ?? DEFAULT_PARAMETERS;
    if (!withinBounds(this.parameters)) throw new RangeError('Argon2 parameters out of bounds');
    this.minLength = options.minLength;
    this.dummy = dummyHash(this.parameters);
    const maxThreads = options.threads ?? Math.max(1, availableParallelism() - 1);
    this.maxQueue = options.maxQueue ?? QUEUE_PER_THREAD * maxThreads;
    this.hashing = threads(WORKER, maxThreads);
    this.judging = threads(POLICY, 1);
  }

  /** The number of hashes computed so far, for the test that known and unknown users cost the same. */
  get hashes(): number {
    return this.computed;
  }

  /** Tasks that wait for a thread. */
  get queueSize(): number {
    return this.hashing.queueSize + this.judging.queueSize;
  }

  /** The PHC string of a password. Throws `HashingBusy`. */
  async hash(password: string): Promise<string> {
    const task = { password: normalizePassword(password), parameters: this.parameters };
    return this.compute<string>('hashPassword', task);
  }

  /**
   * Whether `phc` was made from `password`. With null (nobody by that name) a dummy hash is computed and the answer is
   * false: the answer must take as long either way. A hash of another system takes what that system asked for, in the
   * same threads. Throws `HashingBusy`, or Error for a hash that cannot be read.
   */
  async verify(phc: string | null, password: string): Promise<boolean> {
    if (phc !== null && !isOwnHash(phc) && isForeignHash(phc)) return this.verifyForeign(phc, password);
    const task = { phc: phc ?? this.dummy, password: normalizePassword(password) };
    return this.compute<boolean>('verifyPassword', task);
  }

  /** Whether this is a hash of a kind that others make too, at a cost that we would spend. */
  canVerify(hash: string): boolean {
    return isForeignHash(hash);
  }

  /** Whether `verify` can read it. */
  canRead(hash: string): boolean {
    return isOwnHash(hash) || isForeignHash(hash);
  }

  /**
   * A hash of another system as it is kept: argon2id with the padding that ours never have. Ours are made of the normal
   * form alone; theirs of what was typed, which has to be tried too, and become ours at the first sign-in.
   */
  foreignForm(hash: string): string {
    return isOwnHash(hash) ? `${hash}=` : hash;
  }

  /** Whether `phc` was made at a lower cost, in any of its parameters, than is asked for now, or elsewhere. */
  needsRehash(phc: string): boolean {
    if (!isOwnHash(phc) && isForeignHash(phc)) return true;
    const { memory, passes, parallelism } = parseHash(phc).parameters;
    const wanted = this.parameters;
    return memory < wanted.memory || passes < wanted.passes || parallelism !== wanted.parallelism;
  }

  /** Why `password` may not be the password of this person, or null. Throws `HashingBusy`. */
  async check(password: string, context: PasswordContext): Promise<PasswordFault | null> {
    const task = { minLength: this.minLength, password, context };
    return this.run<PasswordFault | null>(this.judging, 'checkPassword', task, POLICY);
  }

  /** Ends the threads after the tasks they already have. */
  async close(): Promise<void> {
    await Promise.all([this.hashing.close(), this.judging.close()]);
  }

  /** Others hashed what was typed, and perhaps what it is equivalent to. */
  private verifyForeign(hash: string, password: string): Promise<boolean> {
    const texts = [...new Set([password, normalizePassword(password)])];
    return this.compute<boolean>('verifyForeign', { hash, texts }, FOREIGN);
  }

  private compute<T>(name: string, task: object, filename = WORKER): Promise<T> {
    const result = this.run<T>(this.hashing, name, task, filename);
    this.computed += 1;
    return result;
  }

  private run<T>(pool: Piscina, name: string, task: object, filename: string): Promise<T> {
    if (pool.queueSize >= this.maxQueue) throw new HashingBusy();
    return pool.run(task, { name, filename }) as Promise<T>;
  }
}

function threads(filename: string, maxThreads: number): Piscina {
  return new Piscina({
    filename,
    minThreads: 0,
    maxThreads,
    idleTimeout: IDLE_MS,
    // The threads need no settings, so they hold no secrets.
    env: {},
    // Collected early rather than grown, which saves 35 MB: the process has a budget of memory.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
  });
}
