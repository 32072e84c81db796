import { Resolver as Dns } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';

import { Injectable } from '@nestjs/common';

/** Nobody knows an address by this name, or nobody said one in time. */
export class NameUnknown extends Error {
  override readonly name = 'NameUnknown';
}

/** For one server of names, and one try. Milliseconds. */
const PATIENCE = 2000;
const LOCAL = /^(?:.+\.)?localhost\.?$/;

/**
 * Asks DNS. Not by getaddrinfo, which blocks one of the four threads that files and hashes need too: a thousand names whose
 * servers are dead would hold them all. So /etc/hosts is not read.
 */
@Injectable()
export class Resolver {
  private readonly dns = new Dns({ timeout: PATIENCE, tries: 2 });

  /** Of the machine that we are on, as they are now. */
  ownAddresses(): string[] {
    return Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
  }

  /** @throws NameUnknown */
  async addressesOf(name: string): Promise<readonly string[]> {
    // RFC 6761, 6.3: never asked of anybody.
    if (LOCAL.test(name)) return ['127.0.0.1', '::1'];
    const answers = await Promise.allSettled([this.dns.resolve4(name), this.dns.resolve6(name)]);
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length === 0) throw new NameUnknown();
    return addresses;
  }
}
