import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';

import { Config } from '../platform/config/config.js';
import type { Problem } from '../platform/contract/problem.js';
import { prefixOf, rawClientAddress, trustsOf } from '../platform/http/client-address.js';
import { LOOPBACK_HOST } from '../platform/http/dev-only.guard.js';
import { ServiceUnavailable } from '../platform/http/problems.js';
import { PublicUrl } from '../platform/http/public-url.js';
import type { Standing } from '../platform/rate-limit/limit.js';
import { RateLimits } from '../platform/rate-limit/rate-limits.js';
import { Lifecycle } from '../platform/telemetry/lifecycle.js';
import { OriginRefused, REALTIME_PATH, TooManySockets, UpgradeRequired } from './realtime.contract.js';

/** Whoever has not shown a good token by then is cut off. Milliseconds. */
export const SHOW_WITHIN = 5000;
/** Of all places so many are for those who have shown none yet: a tenth, and in a small house up to so many. */
const STRANGERS = 0.1;
const SOME_STRANGERS = 100;

/** Where somebody comes from who was let through. */
export interface Arrival {
  /** As `clientAddress` gives it. */
  readonly address: string;
  readonly raw: Duplex;
}

/** Which requests become sockets, and how many of them there are. Nobody is known by name here. */
@Injectable()
export class Upgrades {
  private readonly raws = new Set<Duplex>();
  /** Who has shown nothing yet, each with the end of their time. */
  private readonly strangers = new Map<Duplex, NodeJS.Timeout>();
  private readonly perAddress = new Map<string, number>();
  private readonly counting = new WeakMap<IncomingMessage, Promise<Standing>>();
  private readonly arrivals = new WeakMap<IncomingMessage, Arrival>();
  private readonly trusts;
  private stopped = false;

  constructor(
    private readonly config: Config,
    private readonly publicUrl: PublicUrl,
    private readonly lifecycle: Lifecycle,
    private readonly limits: RateLimits,
  ) {
    this.trusts = trustsOf(config.values.TRUST_PROXY);
  }

  /** Whether this request becomes a socket. Bound to its object: it is given away as it is. */
  readonly admits = (request: IncomingMessage): boolean =>
    pathOf(request) === REALTIME_PATH && this.refusalOf(request) === null && this.isWithinLimit(request);

  /** Why it does not; null if it does. */
  refusalOf(request: IncomingMessage): Problem | null {
    if (!isWebSocket(request)) return new UpgradeRequired().withHeader('Upgrade', 'websocket');
    if (this.stopped || this.lifecycle.stopping) return new ServiceUnavailable().withHeader('Retry-After', '1');
    if (!this.isKnownOrigin(request)) return new OriginRefused();
    return this.isRoomFor(request) ? null : new TooManySockets().withHeader('Retry-After', '10');
  }

  private isRoomFor(request: IncomingMessage): boolean {
    const { REALTIME_SOCKETS: most, REALTIME_SOCKETS_PER_ADDRESS: mostOfAddress } = this.config.values;
    const here = this.perAddress.get(prefixOf(rawClientAddress(request, this.trusts))) ?? 0;
    const mostStrangers = Math.max(Math.ceil(most * STRANGERS), Math.min(most, SOME_STRANGERS));
    return this.raws.size < most && this.strangers.size < mostStrangers && here < mostOfAddress;
  }

  /** Counted as the GET that it is; whoever sends too many is answered as for any other. */
  private isWithinLimit(request: IncomingMessage): boolean {
    if (!this.limits.on) return true;
    const standing = this.limits.ofAddress.read.count(prefixOf(rawClientAddress(request, this.trusts)));
    if (!(standing instanceof Promise)) return standing.allowed;
    // Node wants to know at once: whoever was one too many is cut off a moment later.
    this.counting.set(request, standing);
    return true;
  }

  /** Counts whoever was let through, until they are gone. */
  enter(request: IncomingMessage, raw: Duplex): void {
    const address = rawClientAddress(request, this.trusts);
    const prefix = prefixOf(address);
    this.arrivals.set(request, { address, raw });
    this.raws.add(raw);
    this.strangers.set(raw, setTimeout(() => raw.destroy(), SHOW_WITHIN).unref());
    void this.counting.get(request)?.then(({ allowed }) => allowed || raw.destroy());
    this.perAddress.set(prefix, (this.perAddress.get(prefix) ?? 0) + 1);
    raw.once('close', () => {
      this.raws.delete(raw);
      this.know(raw);
      const left = this.perAddress.get(prefix)! - 1;
      if (left > 0) this.perAddress.set(prefix, left);
      else this.perAddress.delete(prefix);
    });
  }

  /** They are no stranger any more. */
  know(raw: Duplex): void {
    clearTimeout(this.strangers.get(raw));
    this.strangers.delete(raw);
  }

  /** Null once the handshake is over, and its request forgotten. */
  arrivalOf(request: IncomingMessage | null): Arrival | null {
    return (request && this.arrivals.get(request)) ?? null;
  }

  /** Lets nobody in any more. */
  stop(): void {
    this.stopped = true;
  }

  /** Waits until everybody is gone, and cuts off whoever does not go. @param patience milliseconds */
  async clear(patience: number): Promise<void> {
    for (const until = performance.now() + patience; this.raws.size > 0 && performance.now() < until;) await pause(10);
    for (const raw of this.raws) raw.destroy();
  }

  /** Programs send none. A page is known by its own, also where it was opened at this machine while developing. */
  private isKnownOrigin({ headers: { origin, host = '' } }: IncomingMessage): boolean {
    if (origin === undefined || this.config.values.CORS_ORIGINS.includes(origin)) return true;
    if (origin === new URL(this.publicUrl.value).origin) return true;
    return !this.config.production && LOOPBACK_HOST.test(host) && origin === `http://${host}`;
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?')[0]!.replace(/\/$/, '');
}

/** Of the socket.io that we speak: other protocols would be refused by it in words of its own. */
function isWebSocket({ method, headers, url = '' }: IncomingMessage): boolean {
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  return (
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    query.get('EIO') === '4' &&
    query.get('transport') === 'websocket' &&
    !query.has('sid')
  );
}
