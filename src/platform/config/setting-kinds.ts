import { domainToASCII } from 'node:url';

import { readBrokerCredentials, readBrokerServers } from './broker-servers.js';
import type { BrokerServers } from './broker-servers.js';
import { readMailServer, readMailbox } from './mail-server.js';
import type { MailServer, Mailbox } from './mail-server.js';
import { readNetworks, readOrigins, readQuota, readTrustedProxies } from './network.js';
import type { Quota, TrustedProxies } from './network.js';

/** One environment variable: how its text is read, what it is for, and what stands in for it. */
export interface Setting<T> {
  readonly read: (text: string) => T;
  readonly fallback: T;
  /** The fallback as one would write it; empty if there is none. */
  readonly usual: string;
  readonly expects: string;
  readonly about: string;
  readonly secret: boolean;
}

type Bare<T> = Omit<Setting<T>, 'about' | 'secret' | 'usual'> & { readonly usual?: string };

/** The text is not of the form that the setting wants; the message says which form that is. */
class Unreadable extends Error {}

export function describe<T>(bare: Bare<T>, about: string, secret = false): Setting<T> {
  return { usual: String(bare.fallback ?? ''), ...bare, about, secret };
}

export function whole(min: number, max: number, fallback: number): Bare<number> {
  const expects = `a whole number from ${min} to ${max}`;
  const read = (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) throw new Unreadable(expects);
    return value;
  };
  return { read, fallback, expects };
}

export function oneOf<const T extends string>(values: readonly T[], fallback: T): Bare<T> {
  const expects = values.map((value) => `"${value}"`).join(' or ');
  const read = (text: string): T => {
    const value = values.find((candidate) => candidate === text);
    if (value === undefined) throw new Unreadable(expects);
    return value;
  };
  return { read, fallback, expects };
}

export function text(expects: string, pattern: RegExp, fallback: string): Bare<string> {
  const read = (value: string): string => {
    if (!pattern.test(value)) throw new Unreadable(expects);
    return value;
  };
  return { read, fallback, expects };
}

export function url(protocols: readonly string[]): Bare<string> {
  const expects = `a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
  const read = (value: string): string => {
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) throw new Unreadable(expects);
    return value;
  };
  return { read, fallback: '', expects };
}

/** Milliseconds, written as `10s`, `500ms` or `2m`. */
export function duration(usual: string): Bare<number> {
  const expects = 'a duration such as 500ms, 10s or 2m, at most 10m';
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000 };
  const read = (value: string): number => {
    const [, amount, unit] = /^(\d{1,6})(ms|s|m)$/.exec(value) ?? [];
    const milliseconds = Number(amount) * (units[unit ?? ''] ?? Number.NaN);
    if (!(milliseconds <= 600_000)) throw new Unreadable(expects);
    return milliseconds;
  };
  return { read, fallback: read(usual), usual, expects };
}

/** Milliseconds, written as `30m`, `12h` or `14d`: what people count in days. */
export function span(usual: string): Bare<number> {
  const expects = 'a duration such as 30m, 12h or 14d, from 10m to 365d';
  const units: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
  const read = (value: string): number => {
    const [, amount, unit] = /^(\d{1,6})([mhd])$/.exec(value) ?? [];
    const milliseconds = Number(amount) * (units[unit ?? ''] ?? Number.NaN);
    if (!(milliseconds >= 10 * units['m']! && milliseconds <= 365 * units['d']!)) throw new Unreadable(expects);
    return milliseconds;
  };
  return { read, fallback: read(usual), usual, expects };
}

/** Milliseconds, written as `90d`: how long something is kept. */
export function days(usual: string): Bare<number> {
  const expects = 'a number of days such as 90d, from 1d to 3650d';
  const read = (value: string): number => {
    const amount = Number(/^(\d{1,4})d$/.exec(value)?.[1]);
    if (!(amount >= 1 && amount <= 3650)) throw new Unreadable(expects);
    return amount * 86_400_000;
  };
  return { read, fallback: read(usual), usual, expects };
}

/** The same, or for good where nothing is said. @param least days */
export function daysOrForGood(least: number): Bare<number | null> {
  const expects = `a number of days such as 730d, from ${least}d to 36500d`;
  const read = (value: string): number => {
    const amount = Number(/^(\d{1,5})d$/.exec(value)?.[1]);
    if (!(amount >= least && amount <= 36_500)) throw new Unreadable(expects);
    return amount * 86_400_000;
  };
  return { read, fallback: null, expects };
}

export function secretKey(): Bare<Buffer | null> {
  const expects = '32 bytes in base64';
  const read = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length !== 32 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) throw new Unreadable(expects);
    return bytes;
  };
  return { read, fallback: null, expects };
}

export function quota(usual: string): Bare<Quota> {
  const expects = 'requests and seconds such as 600/60s: up to 1000000000 in up to 3600 s';
  return { read: readQuota, fallback: readQuota(usual), usual, expects };
}

export function trustedProxies(): Bare<TrustedProxies> {
  const expects =
    'a number of hops from 1 to 10 (the nearest on a private network), or a comma-separated list of addresses and networks (CIDR, at least /8 or IPv6 /16), never all of them';
  return { read: readTrustedProxies, fallback: false, usual: '', expects };
}

export function networks(): Bare<readonly string[]> {
  const expects = 'a comma-separated list of addresses and networks (CIDR, at least /8 or IPv6 /16)';
  return { read: readNetworks, fallback: Object.freeze([]), usual: '', expects };
}

export function origins(): Bare<readonly string[]> {
  const expects = 'a comma-separated list of origins such as https://app.example.com (no path, no "*")';
  return { read: readOrigins, fallback: Object.freeze([]), usual: '', expects };
}

export function domains(): Bare<readonly string[]> {
  const expects = 'a comma-separated list of domains such as example.com';
  const read = (value: string): readonly string[] => {
    const names = value.split(',').map((name) => domainToASCII(name.trim().toLowerCase()));
    if (names.some((name) => !/^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(name))) throw new Unreadable(expects);
    return Object.freeze(names);
  };
  return { read, fallback: Object.freeze([]), usual: '', expects };
}

export function mailServer(): Bare<MailServer | null> {
  const expects =
    'a URL such as smtps://user:password@mail.example.com:465 or smtp://mail.example.com, with nothing after the port';
  return { read: readMailServer, fallback: null, expects };
}

export function mailbox(): Bare<Mailbox | null> {
  return { read: readMailbox, fallback: null, expects: 'an address such as Example <noreply@example.com>' };
}

export function brokerServers(): Bare<BrokerServers | null> {
  const expects =
    'a URL such as nats://nats.example.com:4222 or tls://user:password@nats.example.com, or several of one cluster by commas, with nothing after the port';
  return { read: readBrokerServers, fallback: null, expects };
}

export function brokerCredentials(): Bare<string> {
  return { read: readBrokerCredentials, fallback: '', expects: 'the text of a NATS credentials file (JWT and seed)' };
}
