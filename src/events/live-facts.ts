import { AsyncResource } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

import { Logs } from '../platform/logging/logger.js';
import { runInRequest } from '../platform/logging/request-context.js';
import { EventsRepository } from './events.repository.js';
import { isAfter } from './fact.js';
import type { Position, RecordedFact } from './fact.js';
import { Facts } from './facts.service.js';

/** Milliseconds between two looks when nobody wakes it. */
const LOOKS_EVERY = 500;
const BATCH = 500;
/** What one read may take. Milliseconds. */
const BUDGET = 2500;

/** A promise is waited for: whoever gives one has no room until then, and stands in nobody's way. It must not fail. */
type Accept = (fact: RecordedFact) => unknown;

interface Watcher {
  readonly accept: Accept;
  readonly signal: AbortSignal;
  /** What is past is read of this one alone; null: of everybody. */
  readonly subject: string | null;
  /** What it has had already, by reading for itself. */
  from: Position;
}

/** The facts as they are committed, for whoever watches in this process: one reader, however many watch. */
@Injectable()
export class LiveFacts implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly watchers = new Set<Watcher>();
  private position: Position | null = null;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | null = null;
  private again = false;
  private failing = false;
  private stopped = false;
  private readonly log;
  /** Not in the name, nor in the time, of the request that wakes it. */
  private readonly wake = AsyncResource.bind(() => {
    if (this.looking) this.again = true;
    else if (this.watchers.size > 0) this.looking = this.lookOn().finally(() => (this.looking = null));
  });

  constructor(
    private readonly events: EventsRepository,
    private readonly facts: Facts,
    logs: Logs,
  ) {
    this.log = logs.of('events');
  }

  onApplicationBootstrap(): void {
    this.facts.onRecorded(() => this.wake());
    this.timer = setInterval(() => this.wake(), LOOKS_EVERY).unref();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    this.watchers.clear();
    await this.looking;
  }

  /**
   * Gives every fact from a position on (from now on, without one) in the order of commits, none twice and none left out:
   * first what is past, read for this watcher alone, then what comes, read once for all. Who has no room for what comes
   * falls behind, and reads for themselves again.
   * @param accept must not throw; it may stop the watch
   * @param signal ends the watch
   * @param subject only its past is given, without the private part; what comes is of everybody
   * @returns up to where everything that was past has been given
   */
  async watch(
    accept: Accept,
    signal: AbortSignal,
    from: Position | null = null,
    subject: string | null = null,
  ): Promise<Position> {
    const watcher: Watcher = { accept, signal, subject, from: from ?? (await this.events.end()) };
    signal.addEventListener('abort', () => this.leave(watcher), { once: true });
    await this.catchUp(watcher);
    return watcher.from;
  }

  private async catchUp(watcher: Watcher): Promise<void> {
    const { accept, signal } = watcher;
    const isOver = (): boolean => signal.aborted || this.stopped;
    while (!isOver() && this.isAhead(watcher.from)) {
      const head = this.position;
      const { facts, end } = await this.past(watcher);
      for (const fact of facts) if (!isOver()) await accept(fact);
      // Where nothing is left, retention has taken what was read by the others.
      watcher.from = end ?? facts.at(-1) ?? head ?? watcher.from;
      if (this.position === null && facts.length < BATCH) break;
    }
    if (!isOver()) this.join(watcher);
  }

  /** The next facts for a watcher, and up to where these are all if that is further than the last of them. */
  private async past({ from, subject }: Watcher): Promise<{ facts: RecordedFact[]; end: Position | null }> {
    if (subject === null) return { facts: await this.read(from), end: null };
    const condition = { sql: 'e.subject = $1', parameters: [subject] };
    const { facts, end } = await this.inNobodysTime(() =>
      this.events.page(condition, { from, backwards: false, limit: BATCH }),
    );
    const isAll = facts.length < BATCH && isAfter(end, from);
    return { facts: facts.map((fact) => ({ ...fact, private: null })), end: isAll ? end : null };
  }

  /** Nothing may be awaited between the look at the place and this. */
  private join(watcher: Watcher): void {
    this.position ??= watcher.from;
    this.watchers.add(watcher);
    this.wake();
  }

  /** Later than those who watch; tries for as long as it is watched. */
  private async fallBehind(watcher: Watcher, room: Promise<unknown>): Promise<void> {
    this.leave(watcher);
    await room;
    for (let late = true; late && !watcher.signal.aborted;) {
      late = await this.catchUp(watcher).then(
        () => false,
        () => true,
      );
      if (late) await sleep(LOOKS_EVERY, undefined, { ref: false });
    }
  }

  /** Whether those who watch have been given more than somebody at that place; before anybody watches, all may have been. */
  private isAhead(position: Position): boolean {
    return this.position === null || isAfter(this.position, position);
  }

  private leave(watcher: Watcher): void {
    this.watchers.delete(watcher);
    if (this.watchers.size === 0) this.position = null;
  }

  private give(fact: RecordedFact): void {
    for (const watcher of this.watchers) {
      if (!isAfter(fact, watcher.from)) continue;
      watcher.from = fact;
      const room = watcher.accept(fact);
      if (room instanceof Promise) void this.fallBehind(watcher, room);
    }
  }

  private read(position: Position): Promise<RecordedFact[]> {
    return this.inNobodysTime(() => this.facts.after(position, BATCH));
  }

  /** Whoever watches does so for longer than a request may take. */
  private inNobodysTime<T>(work: () => Promise<T>): Promise<T> {
    const nobody = { requestId: 'events', ip: null, userAgent: null, actorId: null };
    return runInRequest({ ...nobody, deadline: performance.now() + BUDGET }, work);
  }

  private async lookOn(): Promise<void> {
    do this.again = false;
    while ((await this.look()) || this.again);
  }

  /** @returns whether there may be more */
  private async look(): Promise<boolean> {
    try {
      const { position } = this;
      if (position === null) return false;
      const facts = await this.read(position);
      this.failing = false;
      // The last watcher may have left meanwhile, and another one come.
      if (this.position !== position) return this.watchers.size > 0;
      if (facts.length > 0) this.position = facts.at(-1)!;
      for (const fact of facts) this.give(fact);
      return facts.length === BATCH;
    } catch (error) {
      // Told once: it looks again twice a second, and its place is kept.
      if (!this.failing) this.log.warn({ err: error }, 'The facts could not be read');
      this.failing = true;
      return false;
    }
  }
}
