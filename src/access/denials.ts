import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { Events } from '../events/index.js';
import { Clock } from '../platform/clock/clock.js';
import { newId } from '../platform/crypto/tokens.js';
import type { Problem } from '../platform/contract/problem.js';
import { Database } from '../platform/database/database.js';
import { REQUEST_BUDGET } from '../platform/database/impatient-client.js';
import {
  CsrfRefused,
  PasswordChangeRequired,
  PermissionDenied,
  ReauthenticationRequired,
  ScopeInsufficient,
  SecondFactorRequired,
} from '../platform/http/problems.js';
import { Refusals } from '../platform/http/refusals.js';
import { Logs } from '../platform/logging/logger.js';
import { currentRequest, runInRequest } from '../platform/logging/request-context.js';
import type { RequestContext } from '../platform/logging/request-context.js';
import { AccessDenied, PrivilegeCeiling } from './access.contract.js';

/** Who wanted what, and why they did not get it. */
export interface Denial {
  /** Null for whoever is not known: a page of another site asks in the name of nobody yet. */
  readonly userId: string | null;
  /** Of the problem that they were answered. */
  readonly code: string;
  readonly permission: string | null;
  /** Whom or what it was about, where they may do less than that. */
  readonly target: string | null;
  readonly method: string;
  /** The template of the path. */
  readonly route: string;
}

interface Repeats {
  readonly denial: Denial;
  /** When the minute is over, in which they are only counted. */
  readonly until: number;
  times: number;
  /** The request of the last of them. */
  context: RequestContext | undefined;
}

/** What says that somebody may not. Other refusals have facts of their own, or are told by nobody: a closed door. */
const DENIALS = new Set(
  [
    CsrfRefused,
    PasswordChangeRequired,
    PermissionDenied,
    PrivilegeCeiling,
    ReauthenticationRequired,
    ScopeInsufficient,
    SecondFactorRequired,
  ].map(({ definition }) => definition.code),
);
const MINUTE = 60_000;
const SWEEPS_EVERY = 1000;
/** Counted at the same time; beyond it each is recorded by itself. */
const COUNTED = 10_000;

/** Records that somebody was refused: the first at once, and how often it was repeated at the end of the minute. */
@Injectable()
export class Denials implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly counted = new Map<string, Repeats>();
  private timer: NodeJS.Timeout | undefined;
  private readonly log;

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    refusals: Refusals,
    logs: Logs,
  ) {
    this.log = logs.of('access');
    refusals.listen((problem, request) => this.hear(problem, request));
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sweep(), SWEEPS_EVERY).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.recordRepeats([...this.counted.values()]);
  }

  private async hear({ definition: { code }, lacked }: Problem, request: FastifyRequest): Promise<void> {
    if (!DENIALS.has(code)) return;
    const { context, method, params, routeOptions } = request;
    const { id = null } = code === PrivilegeCeiling.definition.code ? (params as { id?: string }) : {};
    await this.note({
      userId: context?.onBehalfOf ?? context?.actorId ?? null,
      code,
      permission: lacked,
      target: id,
      method,
      route: routeOptions.url ?? 'unknown',
    });
  }

  /** There before the refusal is answered, unless it is a repeat. A database that is away does not change the answer. */
  async note(denial: Denial): Promise<void> {
    const key = Object.values(denial).join(' ');
    const known = this.counted.get(key);
    if (known) {
      known.times += 1;
      known.context = currentRequest();
      return;
    }
    if (this.counted.size < COUNTED)
      this.counted.set(key, { denial, until: this.clock.millis() + MINUTE, times: 0, context: undefined });
    await this.record([denial], (first) => this.tell(first, 1));
  }

  private async sweep(): Promise<void> {
    const now = this.clock.millis();
    const over = [...this.counted].filter(([, { until }]) => until <= now);
    for (const [key] of over) this.counted.delete(key);
    await this.recordRepeats(over.map(([, repeats]) => repeats));
  }

  /** Each in the name of the last request that it tells of. */
  private async recordRepeats(all: readonly Repeats[]): Promise<void> {
    const repeated = all.filter(({ times }) => times > 0);
    if (repeated.length === 0) return;
    const nobody = { requestId: `access-${newId()}`, ip: null, userAgent: null, actorId: null };
    const own = { ...nobody, deadline: performance.now() + REQUEST_BUDGET };
    await runInRequest(own, () =>
      this.record(repeated, ({ denial, times, context = own }) =>
        runInRequest(context, () => this.tell(denial, times)),
      ),
    );
  }

  /** In a transaction of its own: what was refused has none. */
  private async record<T>(what: readonly T[], tell: (each: T) => void): Promise<void> {
    try {
      await this.db.transaction(async () => what.forEach(tell));
    } catch (error) {
      this.log.error({ err: error, denials: what }, 'Refusals could not be recorded');
    }
  }

  private tell(denial: Denial, times: number): void {
    const about = denial.userId === null ? {} : { subject: `users/${denial.userId}` };
    this.events.record(AccessDenied, { ...denial, times }, about);
  }
}
