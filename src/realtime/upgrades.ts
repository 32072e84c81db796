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
import { Lifecycle } from '../platform/telemetry/lifecycle.js';
import { OriginRefused, REALTIME_PATH, TooManySockets, UpgradeRequired } from './realtime.contract.js';

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
  private readonly perAddress = new Map<string, number>();
  private readonly arrivals = new WeakMap<IncomingMessage, Arrival>();
  private readonly trusts;
  private stopped = false;

  constructor(
    private readonly config: Config,
    private readonly publicUrl: PublicUrl,
    private readonly lifecycle: Lifecycle,
  ) {
    this.trusts = trustsOf(config.values.TRUST_PROXY);
  }

  /** Whether this request becomes a socket. Bound to its object: it is given away as it is. */
  readonly admits = (request: IncomingMessage): boolean =>
    pathOf(request) === REALTIME_PATH && this.refusalOf(request) === null;

  /** Why it does not; null if it does. */
  refusalOf(request: IncomingMessage): Problem | null {
    if (!isWebSocket(request)) return new UpgradeRequired().withHeader('Upgrade', 'websocket');
    if (this.stopped || this.lifecycle.stopping) return new ServiceUnavailable().withHeader('Retry-After', '1');
    if (!this.isKnownOrigin(request)) return new OriginRefused();
    const { REALTIME_SOCKETS: most, REALTIME_SOCKETS_PER_ADDRESS: mostOfAddress } = this.config.values;
    const here = this.perAddress.get(prefixOf(rawClientAddress(request, this.trusts))) ?? 0;
    if (this.raws.size >= most || here >= mostOfAddress) return new TooManySockets().withHeader('Retry-After', '10');
    return null;
  }

  /** Counts whoever was let through, until they are gone. */
  enter(request: IncomingMessage, raw: Duplex): void {
    const address = rawClientAddress(request, this.trusts);
    const prefix = prefixOf(address);
    this.arrivals.set(request, { address, raw });
    this.raws.add(raw);
    this.perAddress.set(prefix, (this.perAddress.get(prefix) ?? 0) + 1);
    raw.once('close', () => {
      this.raws.delete(raw);
      const left = this.perAddress.get(prefix)! - 1;
      if (left > 0) this.perAddress.set(prefix, left);
      else this.perAddress.delete(prefix);
    });
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
