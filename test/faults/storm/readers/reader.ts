import { setTimeout as pause } from 'node:timers/promises';

import type { Chance } from '../chances.js';
import type { Fleet } from '../fleet.js';
import type { Told } from '../judge.js';

/** Somebody who reads every event, whatever becomes of those who tell them. */
export interface EventReader {
  readonly name: string;
  /** What they were told, in the order in which it came. */
  readonly received: readonly Told[];
  /** @throws what should not have come at all, such as a webhook that is not signed */
  stop(): Promise<void>;
}

/** Where readers read, who they are, and after which event. */
export interface Place {
  readonly fleet: Fleet;
  readonly token: string;
  readonly mark: string;
  readonly chance: Chance;
}

const BETWEEN = 25;

/** Does the same again and again, in whatever way it ends, until it is stopped. */
export class Again {
  private readonly leaving = new AbortController();
  private readonly done: Promise<void>;

  constructor(turn: (signal: AbortSignal) => Promise<void>) {
    this.done = this.go(turn);
  }

  stop(): Promise<void> {
    this.leaving.abort();
    return this.done;
  }

  private async go(turn: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.leaving;
    while (!signal.aborted) {
      await turn(signal).catch(() => {
        // Whom it asked may be dead, or without its database: that is what this is about.
      });
      await pause(BETWEEN);
    }
  }
}
