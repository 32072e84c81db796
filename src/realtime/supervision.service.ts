import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

import { Bearers } from '../auth/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import type { RevocationKind } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import { PermissionDenied } from '../platform/http/problems.js';
import { Closings } from './closings.js';
import type { Connection } from './connection.js';
import { Connections } from './connections.js';
import { Examinations } from './examinations.js';
import { Following } from './following.js';
import { inName } from './in-name.js';
import { EVENTS_READ, SlowReader } from './realtime.contract.js';

/** How often everybody is looked at: who has expired, and who does not read. Milliseconds. */
const LOOKS_EVERY = 250;

/** Sees to it that nobody is told anything for longer than they may be, nor keeps more waiting than they take. */
@Injectable()
export class Supervision implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly examinations: Examinations<Connection>;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly bearers: Bearers,
    private readonly connections: Connections,
    private readonly closings: Closings,
    private readonly following: Following,
    revocations: Revocations,
  ) {
    this.examinations = new Examinations(
      (connection) => this.examine(connection),
      (connection) => connection.release(),
    );
    revocations.onRevoked((kind, subject) => this.suspect(kind, subject));
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.look(), LOOKS_EVERY).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /**
   * Whoever may have lost something is told nothing until we know. A role that gives less concerns everybody, perhaps
   * thousands: they wait behind those who are meant, and what happens to one's own account no role gives.
   */
  private suspect(kind: RevocationKind, subject: string): void {
    this.connections.generation += 1;
    const concerned = this.connections.of(kind, subject);
    // First those who make use of a right: they are told nothing meanwhile.
    concerned.sort((a, b) => Number(b.wants.events !== null) - Number(a.wants.events !== null));
    for (const connection of concerned) {
      const isMeant = kind !== 'everybody';
      if (isMeant || connection.wants.events !== null) this.following.hold(connection);
      this.examinations.want(connection, isMeant);
    }
  }

  /** Asks once more who they are: whatever they may no longer ends, at the latest the socket. */
  private async examine(connection: Connection): Promise<void> {
    if (connection.isEnded) return;
    try {
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
      this.closings.closeBy(connection, error);
    }
  }

  private look(): void {
    const now = this.clock.millis();
    for (const connection of this.connections) {
      if (connection.staysSlow()) this.closings.drop(connection, new SlowReader());
      else if (connection.principal.expiresAt <= now && !this.examinations.has(connection)) {
        this.following.hold(connection);
        this.examinations.want(connection, true);
      }
    }
  }
}
