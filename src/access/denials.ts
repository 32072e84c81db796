import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Clock } from '../platform/clock/clock.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { REQUEST_BUDGET } from '../platform/database/impatient-client.js';
import { OWN_ACCOUNT } from '../platform/http/policy.js';
import { Logs } from '../platform/logging/logger.js';
import { PermissionDenied, ScopeInsufficient } from '../platform/http/problems.js';
import type { Principal } from '../platform/http/principal.js';
import { currentRequest, runInRequest } from '../platform/logging/request-context.js';
import type { RequestContext } from '../platform/logging/request-context.js';
import { AccessDenied } from './access.contract.js';

/** What somebody wanted: the template of the path, or the subject of a question. */
export interface Where {
  readonly method: string;
  readonly route: string;
}

/** Who wanted what. */
export interface Denial extends Where {
  readonly userId: string;
  readonly permission: string;
}

interface Repeats {
  readonly denial: Denial;
  /** When the minute is over, in which they are only counted. */
  readonly until: number;
  times: number;
  /** The request of the last of them. */
  context: RequestContext | undefined;
}

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
    logs: Logs,
  ) {
    this.log = logs.of('access');
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sweep(), SWEEPS_EVERY).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.recordRepeats([...this.counted.values()]);
  }

  /** @throws ScopeInsufficient, PermissionDenied (which is recorded) unless whoever asks may, by all of these */
  demand(principal: Principal, needed: readonly string[], where: Where): true | Promise<never> {
    for (const scope of needed) if (principal.withheld.has(scope)) throw outOfScope(scope);
    const missing = needed.find((permission) => permission !== OWN_ACCOUNT && !principal.permissions.has(permission));
    return missing === undefined || this.refuse({ userId: principal.userId, permission: missing, ...where });
  }

  private async refuse(denial: Denial): Promise<never> {
    await this.note(denial);
    throw new PermissionDenied(`This needs the permission ${denial.permission}`);
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
    this.events.record(AccessDenied, { ...denial, times }, { subject: `users/${denial.userId}` });
  }
}

/** With the scope that would do (RFC 6750, 3.1). */
function outOfScope(scope: string): ScopeInsufficient {
  return new ScopeInsufficient(`This key lacks the scope ${scope}`).withHeader(
    'WWW-Authenticate',
    `Bearer realm="roster", error="insufficient_scope", error_description="The key lacks a scope", scope="${scope}"`,
  );
}
