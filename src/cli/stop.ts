import { setTimeout as sleep } from 'node:timers/promises';

import { OperatorFault } from '../platform/config/operator-fault.js';
import { isUnavailable } from '../platform/database/database-errors.js';
import type { Logs } from '../platform/logging/logger.js';

/** npm passes on a Ctrl-C that the terminal has sent to us too: what follows that soon is the same one. Milliseconds. */
const SAME_SIGNAL = 1000;
/** What is left for the last step (the embedded database) when the deadline cut the others. Milliseconds. */
const LAST_RESPITE = 5000;

/** The stop was asked for before the work was done. */
export class Interrupted extends OperatorFault {}

interface Step {
  readonly name: string;
  readonly undo: () => Promise<unknown> | unknown;
}

/**
 * Takes away what was started, the newest first, when a signal asks for it or a bug makes it necessary.
 * A second signal ends the process at once, and the deadline ends it with 1.
 */
export class Stop {
  private readonly steps: Step[] = [];
  private readonly asked = Promise.withResolvers<number>();
  private askedAt: number | null = null;
  private readonly log;

  /** @param deadline milliseconds for all steps */
  constructor(
    logs: Logs,
    private readonly deadline: number,
  ) {
    this.log = logs.of('stop');
  }

  watch(): void {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => this.onSignal(signal));
    process.on('uncaughtException', (error) => this.onBug(error, 'An exception that nobody caught'));
    process.on('unhandledRejection', (error) => this.onBug(error, 'A rejection that nobody heard'));
  }

  get isAsked(): boolean {
    return this.askedAt !== null;
  }

  /** From now on part of every stop, before all that came earlier. */
  first(name: string, undo: Step['undo']): void {
    this.steps.push({ name, undo });
  }

  /** The result of the work, unless the stop is asked for meanwhile. @throws Interrupted */
  unlessAsked<T>(work: Promise<T>): Promise<T> {
    const asked = this.asked.promise.then(() => {
      throw new Interrupted('Stopped before it was done.');
    });
    return Promise.race([work, asked]);
  }

  /** Work that is told of a stop, and that the stop waits for: it has something to undo. */
  interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const told = new AbortController();
    const working = work(told.signal);
    const ended = working.then(
      () => undefined,
      () => undefined,
    );
    this.first('work', () => {
      told.abort(new Interrupted('Stopped before it was done: nothing was changed.'));
      return ended;
    });
    return working;
  }

  /** Waits until the stop is asked for, and takes everything away. @returns the exit code */
  async whenAsked(): Promise<number> {
    const code = await this.asked.promise;
    return (await this.everything()) ? code : 1;
  }

  /** Takes everything away. @returns false if something could not be stopped in order */
  async everything(): Promise<boolean> {
    const limit = setTimeout(() => void this.cut(), this.deadline);
    let inOrder = true;
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      const started = performance.now();
      try {
        await step.undo();
        this.log.debug({ step: step.name, ms: Math.round(performance.now() - started) }, 'stopped');
      } catch (error) {
        inOrder = false;
        this.log.error({ err: error, step: step.name }, 'This did not stop in order');
      }
    }
    clearTimeout(limit);
    return inOrder;
  }

  private onSignal(signal: string): void {
    if (this.askedAt === null) {
      this.log.info({ signal }, 'Stopping');
      this.ask(0);
    } else if (performance.now() - this.askedAt > SAME_SIGNAL) {
      this.log.warn({ signal }, 'Asked again: ending at once');
      process.exit(1);
    }
  }

  private onBug(error: unknown, message: string): void {
    if (isUnavailable(error)) {
      this.log.error({ err: error }, 'The database went away while nobody waited for it');
      return;
    }
    this.log.fatal({ err: error }, message);
    this.ask(1);
  }

  private ask(code: number): void {
    this.askedAt ??= performance.now();
    this.asked.resolve(code);
  }

  /** Cuts what is left, but for the oldest step: it must leave no process behind. */
  private async cut(): Promise<void> {
    this.log.fatal({ deadline: this.deadline }, 'The stop took longer than SHUTDOWN_DEADLINE: ending at once');
    const oldest = this.steps[0];
    if (oldest) await Promise.race([sleep(LAST_RESPITE), (async () => oldest.undo())().catch(() => sleep(0))]);
    process.exit(1);
  }
}
