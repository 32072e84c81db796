import { isIP } from 'node:net';
import type { BlockList } from 'node:net';

import { Injectable } from '@nestjs/common';

import { Config } from '../platform/config/config.js';
import type { FieldFault } from '../platform/contract/problem.js';
import { mayBeCalled, networksOf } from './addresses.js';
import { NameUnknown, Resolver } from './resolver.js';
import type { DeliveryError } from './webhook-delivery.entity.js';

/** It is not called. */
export class DestinationRefused extends Error {
  override readonly name = 'DestinationRefused';
  constructor(readonly reason: Extract<DeliveryError, 'address_refused' | 'name_unknown'>) {
    super(reason);
  }
}

/** Ports below 1024 that speak HTTP. */
const WEB_PORTS = new Set([80, 443]);
/** Ports above it that speak something else, which a body of ours could say something to (fetch refuses most of them too). */
const OTHER_PORTS = new Set([
  ...[1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 6000],
  ...[6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042, 9092, 10080, 11211, 27017],
]);

/** Where webhooks may go: to HTTP servers of the Internet, and to networks that the operator allows (S59). */
@Injectable()
export class Destinations {
  private readonly allowed: BlockList;
  private readonly https: boolean;

  constructor(
    private readonly resolver: Resolver,
    config: Config,
  ) {
    const { WEBHOOK_ALLOW_CIDRS, WEBHOOK_ALLOW_HTTP } = config.values;
    this.allowed = networksOf(WEBHOOK_ALLOW_CIDRS);
    this.https = config.production && WEBHOOK_ALLOW_HTTP !== '1';
  }

  /** What is wrong with a URL, as far as it says by itself; null if nothing is. */
  faultOf(text: string): Omit<FieldFault, 'pointer'> | null {
    if (!URL.canParse(text)) return NOT_A_URL;
    const url = new URL(text);
    if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '') return NOT_A_URL;
    if (url.username !== '' || url.password !== '') return WITH_CREDENTIALS;
    if (text.includes('#')) return WITH_FRAGMENT;
    if (this.https && url.protocol === 'http:') return NOT_HTTPS;
    if (!isWebPort(portOf(url))) return OTHER_PORT;
    const address = literalIn(url);
    return address !== null && !mayBeCalled(address, this.allowed) ? NOT_CALLED : null;
  }

  /**
   * The addresses of a URL, each of which may be called: one that may not is refused with all others, for the name is not to
   * be trusted. Whoever calls must connect to these and not ask again.
   * @throws DestinationRefused
   */
  async addressesOf(url: URL): Promise<readonly string[]> {
    if (this.faultOf(url.href)) throw new DestinationRefused('address_refused');
    const literal = literalIn(url);
    const addresses = literal === null ? await this.resolved(url.hostname) : [literal];
    const own = networksOf(this.resolver.ownAddresses());
    if (!addresses.every((address) => mayBeCalled(address, this.allowed) && !this.isOurs(address, own)))
      throw new DestinationRefused('address_refused');
    return addresses;
  }

  /** Also a public one: what listens there may trust whoever is on this machine. */
  private isOurs(address: string, own: BlockList): boolean {
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    return own.check(address, family) && !this.allowed.check(address, family);
  }

  private async resolved(name: string): Promise<readonly string[]> {
    try {
      return await this.resolver.addressesOf(name);
    } catch (error) {
      throw error instanceof NameUnknown ? new DestinationRefused('name_unknown') : error;
    }
  }
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}

function isWebPort(port: number): boolean {
  return WEB_PORTS.has(port) || (port >= 1024 && !OTHER_PORTS.has(port));
}

/** The address that a URL names outright. Its parser has read `0x7f.1`, `2130706433` and `017700000001` already. */
function literalIn({ hostname }: URL): string | null {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? null : bare;
}

const NOT_A_URL = { code: 'url_invalid', detail: 'must be a URL that begins with https:// or http://' };
const WITH_CREDENTIALS = { code: 'url_with_credentials', detail: 'must not hold a user name or a password' };
const WITH_FRAGMENT = { code: 'url_with_fragment', detail: 'must not have a fragment (#…): it would not be sent' };
const NOT_HTTPS = { code: 'url_not_https', detail: 'must begin with https://' };
const OTHER_PORT = { code: 'url_port_refused', detail: 'names a port at which no HTTP is spoken' };
const NOT_CALLED = { code: 'url_address_refused', detail: 'names an address that is not called from here' };
