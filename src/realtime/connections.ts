import { Injectable } from '@nestjs/common';

import type { RevocationKind } from '../platform/cache/revocations.js';
import type { Principal } from '../platform/http/principal.js';
import type { Connection, Line } from './connection.js';

/** Everybody who is connected to this process, to be found by what may be taken away from them. */
@Injectable()
export class Connections implements Iterable<Connection> {
  /** Rises whenever something is taken away from anybody. */
  generation = 0;
  private readonly onLine = new Map<Line, Connection>();
  private readonly owned = new Map<string, Set<Connection>>();
  private readonly whenEmpty: (() => void)[] = [];

  /** Called when the last of them has gone. */
  onEmpty(listener: () => void): void {
    this.whenEmpty.push(listener);
  }

  get size(): number {
    return this.onLine.size;
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.onLine.values();
  }

  on(line: Line): Connection | null {
    return this.onLine.get(line) ?? null;
  }

  countOf(userId: string): number {
    return this.owned.get(`user:${userId}`)?.size ?? 0;
  }

  /** @param subject whatever it is where the kind is `everybody` */
  of(kind: RevocationKind, subject: string): Connection[] {
    return [...(kind === 'everybody' ? this : (this.owned.get(`${kind}:${subject}`) ?? []))];
  }

  /** Until its line is closed, by whomever. */
  add(connection: Connection): void {
    this.onLine.set(connection.line, connection);
    connection.line.once('close', () => this.remove(connection));
    this.own(connection);
  }

  /** The same connection, by another proof. */
  become(connection: Connection, principal: Principal, shown: string): void {
    this.disown(connection);
    connection.principal = principal;
    connection.shown = shown;
    if (!connection.isEnded) this.own(connection);
  }

  private remove(connection: Connection): void {
    connection.over({ problem: null, again: false });
    this.onLine.delete(connection.line);
    this.disown(connection);
    if (this.size === 0) for (const listener of this.whenEmpty) listener();
  }

  private own(connection: Connection): void {
    for (const owner of ownersOf(connection.principal)) {
      const connections = this.owned.get(owner);
      if (connections) connections.add(connection);
      else this.owned.set(owner, new Set([connection]));
    }
  }

  private disown(connection: Connection): void {
    for (const owner of ownersOf(connection.principal)) {
      const connections = this.owned.get(owner);
      connections?.delete(connection);
      if (connections?.size === 0) this.owned.delete(owner);
    }
  }
}

function ownersOf({ userId, sessionId, keyId, actorId }: Principal): string[] {
  const owners = [`user:${userId}`];
  if (sessionId !== null) owners.push(`session:${sessionId}`);
  if (keyId !== null) owners.push(`key:${keyId}`);
  if (actorId !== null) owners.push(`user:${actorId}`);
  return owners;
}
