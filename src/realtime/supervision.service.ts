import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

import { Bearers } from '../auth/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import { problemOf } from '../platform/http/problem-body.js';
import { PermissionDenied } from '../platform/http/problems.js';
import { Logs } from '../platform/logging/logger.js';
import { Closings } from './closings.js';
import type { Connection } from './connection.js';
import { Connections } from './connections.js';
import { inName } from './in-name.js';
import { EVENTS_READ, SlowReader } from './realtime.contract.js';
import { Turns } from '../platform/concurrency/turns.js';

/** How often everybody is looked at: who has expired, and who does not read. Milliseconds. */
const LOOKS_EVERY = 250;
/** So many are asked about at the same time, where something was taken away from everybody. */
const ASKERS = 8;

/** Sees to it that nobody is told anything for longer than they may be, nor keeps more waiting than they take. */
@Injectable()
export class Supervision implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly turns = new Turns(ASKERS);
  private timer: NodeJS.Timeout | undefined;
  private readonly log;

  constructor(
    private readonly clock: Clock,
    private readonly bearers: Bearers,
    private readonly connections: Connections,
    private readonly closings: Closings,
    revocations: Revocations,
    logs: Logs,
  ) {
    this.log = logs.of('realtime');
    revocations.onRevoked((kind, subject) => {
      connections.generation += 1;
      const concerned = connections.of(kind, subject);
      // A right was taken away: first from those who make use of one.
      concerned.sort((a, b) => Number(b.wants.events !== null) - Number(a.wants.events !== null));
      for (const connection of concerned) void this.examine(connection);
    });
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.look(), LOOKS_EVERY).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** Asks once more who they are: whatever they may no longer ends, at the latest the socket. */
  async examine(connection: Connection): Promise<void> {
    const release = await this.turns.take();
    try {
      if (connection.isEnded) return;
      const { shown } = connection;
      const principal = await inName(connection, () => this.bearers.recogniseAgain(shown));
      // They may have shown another token meanwhile.
      if (connection.isEnded || connection.shown !== shown) return;
      this.connections.become(connection, principal, shown);
      const { own, events } = connection.wants;
      if (events && !principal.permissions.has(EVENTS_READ)) {
        if (own) connection.unsubscribe(new PermissionDenied());
        else this.closings.close(connection, new PermissionDenied());
      }
    } catch (error) {
      const problem = problemOf(error);
      if (problem.definition.status >= 500) this.log.warn({ err: error }, 'Nobody could say who this is any more');
      this.closings.close(connection, problem);
    } finally {
      release();
    }
  }

  private look(): void {
    const now = this.clock.millis();
    for (const connection of this.connections) {
      if (connection.staysSlow()) this.closings.drop(connection, new SlowReader());
      else if (connection.principal.expiresAt <= now && !connection.isExamined) {
        connection.isExamined = true;
        void this.examine(connection).finally(() => (connection.isExamined = false));
      }
    }
  }
}
