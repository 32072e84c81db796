import { Injectable } from '@nestjs/common';
import { isUUID } from 'class-validator';

import { Access } from '../access/index.js';
import { Bearers } from '../auth/index.js';
import { Facts } from '../events/index.js';
import { Config } from '../platform/config/config.js';
import { prefixOf } from '../platform/http/client-address.js';
import { OWN_ACCOUNT } from '../platform/http/policy.js';
import type { Principal } from '../platform/http/principal.js';
import { PermissionDenied, ScopeInsufficient, ServiceUnavailable } from '../platform/http/problems.js';
import { RateLimited } from '../platform/http/rate-limit.js';
import type { Limit } from '../platform/rate-limit/limit.js';
import { RateLimits } from '../platform/rate-limit/rate-limits.js';
import { Connection } from './connection.js';
import type { RealtimeSocket, Settled, Wants } from './connection.js';
import { Connections } from './connections.js';
import {
  EVENTS_READ,
  REALTIME_PATH,
  SubscriptionInvalid,
  TokenOfAnother,
  TooManySockets,
} from './realtime.contract.js';
import { readFilter } from './subscription.js';
import type { Arrival } from './upgrades.js';

/** The event after which somebody goes on, and where it stands. */
type Place = Awaited<ReturnType<Facts['placeAfter']>> & { readonly id: string };

/** Somebody who may come in, and from where they go on. */
export interface Admitted {
  readonly connection: Connection;
  /** Where they go on; null for what comes from now on. */
  readonly from: Place | null;
}

/** Something is taken away from somebody again and again; then the client is. */
const TRIES = 10;

/** Who may have a socket, and what they may be told on it. */
@Injectable()
export class Admission {
  constructor(
    private readonly config: Config,
    private readonly bearers: Bearers,
    private readonly access: Access,
    private readonly facts: Facts,
    private readonly limits: RateLimits,
    private readonly connections: Connections,
  ) {}

  /** @throws every problem of the handshake */
  async admit(socket: RealtimeSocket, arrival: Arrival): Promise<Admitted> {
    const { address } = arrival;
    await this.count(this.limits.ofAddress.write, prefixOf(address));
    const { headers, auth } = socket.handshake;
    const given = auth as { token?: unknown; lastEventId?: unknown; events?: unknown };
    const shown = given.token === undefined ? this.bearers.shownIn(headers) : textOf(given.token, '/token');
    const { userId } = await this.bearers.recognise(shown, address);
    await this.count(this.limits.ofAccount.write, userId);
    const from = given.lastEventId == null ? null : await this.placeAfter(idOf(given.lastEventId));
    const settled = await this.settle(shown, given.events ?? null);
    if (this.connections.countOf(userId) >= this.config.values.REALTIME_SOCKETS_PER_USER)
      throw new TooManySockets('You have as many sockets open as one user may').withHeader('Retry-After', '10');
    if (socket.conn.readyState !== 'open' || this.connections.on(socket.conn)) throw new TooManySockets();
    const connection = new Connection(socket, arrival, settled);
    this.connections.add(connection);
    return { connection, from };
  }

  /** The same user by a fresh token. @throws TokenInvalid and the like, TokenOfAnother */
  async renew({ principal, address, wants }: Connection, given: unknown): Promise<Settled> {
    const shown = textOf((given as { token?: unknown } | null)?.token, '/token');
    await this.count(this.limits.ofAccount.write, principal.userId);
    await this.bearers.recognise(shown, address);
    const settled = await this.settle(shown, wants.events);
    const { userId, actorId } = settled.principal;
    if (userId !== principal.userId || actorId !== principal.actorId) throw new TokenOfAnother();
    return settled;
  }

  /** Other events for the same user, as they may have them at this moment. @throws as wantsOf */
  async rewish({ shown }: Connection, events: unknown): Promise<Wants> {
    return (await this.settle(shown, events)).wants;
  }

  /** What is taken away while we ask counts: whoever is known by then is told of it, whoever is not is asked again. */
  private async settle(shown: string, events: unknown): Promise<Settled> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const { generation } = this.connections;
      const principal = await this.bearers.recogniseAgain(shown);
      const wants = await this.wantsOf(principal, events);
      if (generation === this.connections.generation) return { principal, wants, shown };
    }
    throw new ServiceUnavailable();
  }

  /** @param events as a client says it: null for none @throws SubscriptionInvalid, PermissionDenied, ScopeInsufficient */
  private async wantsOf(principal: Principal, events: unknown): Promise<Wants> {
    const own = !principal.withheld.has(OWN_ACCOUNT);
    if (events === null) {
      if (!own) throw new ScopeInsufficient(`This key lacks the scope ${OWN_ACCOUNT}`);
      return { own, events: null };
    }
    const filter = readFilter(events, '/events');
    if (principal.withheld.has(EVENTS_READ)) throw new ScopeInsufficient(`This key lacks the scope ${EVENTS_READ}`);
    if (!principal.permissions.has(EVENTS_READ)) return this.refuse(principal);
    return { own, events: filter };
  }

  /** On record, as any other refusal for want of a permission. */
  private async refuse({ userId }: Principal): Promise<never> {
    await this.access.noteDenial({
      ...{ userId, code: PermissionDenied.definition.code, permission: EVENTS_READ },
      ...{ target: null, method: 'GET', route: REALTIME_PATH },
    });
    throw new PermissionDenied(`This needs the permission ${EVENTS_READ}`);
  }

  private async placeAfter(id: string): Promise<Place> {
    return { id, ...(await this.facts.placeAfter(id)) };
  }

  /** A handshake costs what a write does. */
  private async count(limit: Limit, subject: string): Promise<void> {
    if (!this.limits.on) return;
    const { allowed, reset } = await limit.count(subject);
    if (!allowed) throw new RateLimited().withHeader('Retry-After', String(reset));
  }
}

function textOf(given: unknown, pointer: string): string {
  if (typeof given === 'string') return given;
  throw new SubscriptionInvalid(undefined, [{ pointer, code: 'string_expected', detail: 'must be a text' }]);
}

function idOf(given: unknown): string {
  if (isUUID(given)) return given as string;
  throw new SubscriptionInvalid(undefined, [
    { pointer: '/lastEventId', code: 'uuid_expected', detail: 'must be the id of an event' },
  ]);
}
