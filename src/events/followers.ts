import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';

import { Config } from '../platform/config/config.js';
import { newId } from '../platform/crypto/tokens.js';
import { Logs } from '../platform/logging/logger.js';
import { runInRequest } from '../platform/logging/request-context.js';
import { Facts } from './facts.service.js';

/** Milliseconds: between two looks, and for which facts are gathered after the first of them. */
const LOOKS_EVERY = 500;
const GATHERS_FOR = 50;
/** What one step may take before its statements are cut. Milliseconds. */
const BUDGET = 5000;

/** Whoever reads all facts and keeps, in its own transaction, how far it has come. */
export interface Follower {
  /** Of its log, and of the requests that it makes. */
  readonly name: string;
  /** Takes the next facts. @returns whether there may be more at once */
  readonly step: () => Promise<boolean>;
  /** How long to wait after a fact for those that come with it. Milliseconds; 50 unless told. */
  readonly gathersFor?: number;
  /** Waiting for something else than the database is told in its words. */
  readonly waitsFor?: string;
}

/**
 * Drives the readers of the facts, unless ROLE=api: each is woken by a fact of this process or of another, looks twice a
 * second anyhow, and tries again for ever. What goes away only delays it.
 */
@Injectable()
export class Followers implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly loops: Loop[] = [];

  constructor(
    private readonly config: Config,
    private readonly facts: Facts,
    private readonly logs: Logs,
  ) {}

  /** Called while the application is put together. */
  add(follower: Follower): void {
    this.loops.push(new Loop(follower, this.logs.of(follower.name)));
  }

  onApplicationBootstrap(): void {
    if (this.config.values.ROLE === 'api') return;
    for (const loop of this.loops) loop.start();
    this.facts.onRecorded(() => this.loops.forEach((loop) => loop.wake()));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.stop()));
  }
}

class Loop {
  private timer: NodeJS.Timeout | undefined;
  private soon: NodeJS.Timeout | undefined;
  private working: Promise<void> | null = null;
  private stopped = false;
  private failing = false;

  constructor(
    private readonly follower: Follower,
    private readonly log: ReturnType<Logs['of']>,
  ) {}

  start(): void {
    this.timer = setInterval(() => this.look(), LOOKS_EVERY).unref();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    clearTimeout(this.soon);
    await this.working;
  }

  /** Facts come in swarms: the first of them waits a little for the others. */
  wake(): void {
    if (this.stopped) return;
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      // What comes during a step may be too late for it, and asks again.
      if (this.working) this.wake();
      else this.look();
    }, this.follower.gathersFor ?? GATHERS_FOR).unref();
  }

  private look(): void {
    if (this.stopped || this.working) return;
    this.working = this.stepToEnd().finally(() => (this.working = null));
  }

  private async stepToEnd(): Promise<void> {
    try {
      while (!this.stopped && (await this.step()));
      if (this.failing) this.log.info({}, 'It goes on');
      this.failing = false;
    } catch (error) {
      // Told once: it tries again twice a second, and nothing is lost meanwhile.
      if (!this.failing) this.log.warn({ err: error }, `It waits for ${this.follower.waitsFor ?? 'the database'}`);
      this.failing = true;
    }
  }

  /** Not in the name of the request that woke it: that one may be over any moment. */
  private step(): Promise<boolean> {
    const nobody = { ip: null, userAgent: null, actorId: null };
    const requestId = `${this.follower.name}-${newId()}`;
    return runInRequest({ ...nobody, requestId, deadline: performance.now() + BUDGET }, () => this.follower.step());
  }
}
