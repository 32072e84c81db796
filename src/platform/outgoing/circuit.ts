import {
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  TimeoutStrategy,
  bulkhead,
  circuitBreaker,
  handleWhen,
  isBrokenCircuitError,
  isBulkheadRejectedError,
  isTaskCancelledError,
  retry,
  timeout,
  wrap,
} from 'cockatiel';
import type { CircuitBreakerPolicy, IBackoff, IPolicy } from 'cockatiel';

import type { Clock } from '../clock/clock.js';

/** How somebody outside is called. Durations are milliseconds. */
export interface Manners {
  /** One call, whatever it waits for. */
  readonly timeout: number;
  /** Further tries of a call that failed, after a pause with decorrelated jitter. */
  readonly retries: number;
  /** After so many failures one after the other nobody is called for so long; then one call asks for all. */
  readonly breaker: { readonly failures: number; readonly resetAfter: number };
  /** Calls at the same time, and how many may wait for their turn. */
  readonly concurrency: number;
  readonly queue: number;
  /** Whether an error says that nobody was there; one about the call alone does not. Every error, unless told. */
  readonly isFailure?: (error: unknown) => boolean;
}

export const STATES = ['closed', 'open', 'half_open'] as const;
/** `closed` calls, `open` does not, `half_open` has one call on its way that decides. */
export type State = (typeof STATES)[number];

export const RESULTS = ['done', 'failed', 'timed_out', 'refused'] as const;
export type Result = (typeof RESULTS)[number];

/** Nobody was called: the circuit is open, or too many wait already. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused';
  constructor(readonly reason: 'open' | 'full') {
    super(reason === 'open' ? 'Nobody is called: the last calls failed' : 'Too many calls wait already');
  }
}

/** The call took too long, or was broken off. */
export class CallTimedOut extends Error {
  override readonly name = 'CallTimedOut';
  constructor(patience: number) {
    super(`No answer within ${patience} ms`);
  }
}

/** The first pause before another try, and the longest. Milliseconds. */
const PAUSES = { initialDelay: 200, maxDelay: 5000 };

/** One other side: its own bulkhead, retries, breaker and time-out, so that no other side feels what becomes of it. */
export class Circuit {
  private readonly breaker: CircuitBreakerPolicy;
  private readonly whole: IPolicy;
  private readonly hall;
  /** Calls that were begun and have not ended. */
  pending = 0;

  constructor(
    private readonly manners: Manners,
    private readonly clock: Clock,
    private readonly tell: (result: Result, seconds: number) => void,
  ) {
    const { isFailure = () => true } = manners;
    const isAway = (error: unknown): boolean => isTaskCancelledError(error) || isFailure(error);
    const failures = handleWhen((error) => !isBrokenCircuitError(error) && isAway(error));
    this.breaker = circuitBreaker(failures, {
      halfOpenAfter: { next: () => this.rest() },
      breaker: new ConsecutiveBreaker(manners.breaker.failures),
    });
    this.hall = bulkhead(manners.concurrency, manners.queue);
    this.whole = wrap(
      this.hall,
      retry(failures, { maxAttempts: manners.retries, backoff: new ExponentialBackoff(PAUSES) }).dangerouslyUnref(),
      this.breaker,
      timeout(manners.timeout, TimeoutStrategy.Aggressive),
    );
  }

  /** @throws CallRefused, CallTimedOut, or whatever the last try threw */
  async execute<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const since = performance.now();
    const ended = (result: Result): void => this.tell(result, (performance.now() - since) / 1000);
    this.pending += 1;
    try {
      // The library would have the others wait for the one that decides: they would keep the hands from other work.
      if (this.state() === 'half_open') throw new CallRefused('open');
      const value = await this.whole.execute(({ signal }) => work(signal));
      ended('done');
      return value;
    } catch (error) {
      const told = this.explain(error);
      ended(told instanceof CallRefused ? 'refused' : told instanceof CallTimedOut ? 'timed_out' : 'failed');
      throw told;
    } finally {
      this.pending -= 1;
    }
  }

  state(): State {
    if (this.breaker.state === CircuitState.Open) return 'open';
    return this.breaker.state === CircuitState.HalfOpen ? 'half_open' : 'closed';
  }

  running(): number {
    return this.manners.concurrency - this.hall.executionSlots;
  }

  waiting(): number {
    return this.manners.queue - this.hall.queueSlots;
  }

  private explain(error: unknown): unknown {
    if (isBrokenCircuitError(error)) return new CallRefused('open');
    if (isBulkheadRejectedError(error)) return new CallRefused('full');
    return isTaskCancelledError(error) ? new CallTimedOut(this.manners.timeout) : error;
  }

  /** By our clock, which a test can move: the library compares the duration with a clock of its own. */
  private rest(): IBackoff<unknown> {
    const { clock } = this;
    const until = clock.millis() + this.manners.breaker.resetAfter;
    return {
      get duration() {
        return clock.millis() < until ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
      },
      next: () => this.rest(),
    };
  }
}
