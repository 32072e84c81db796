import { domainToASCII } from 'node:url';

import { readMailServer, readMailbox } from './mail-server.js';
import type { MailServer, Mailbox } from './mail-server.js';
import { readOrigins, readQuota, readTrustedProxies } from './network.js';
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

function describe<T>(bare: Bare<T>, about: string, secret = false): Setting<T> {
  return { usual: String(bare.fallback ?? ''), ...bare, about, secret };
}

function whole(min: number, max: number, fallback: number): Bare<number> {
  const expects = `a whole number from ${min} to ${max}`;
  const read = (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) throw new Unreadable(expects);
    return value;
  };
  return { read, fallback, expects };
}

function oneOf<const T extends string>(values: readonly T[], fallback: T): Bare<T> {
  const expects = values.map((value) => `"${value}"`).join(' or ');
  const read = (text: string): T => {
    const value = values.find((candidate) => candidate === text);
    if (value === undefined) throw new Unreadable(expects);
    return value;
  };
  return { read, fallback, expects };
}

function text(expects: string, pattern: RegExp, fallback: string): Bare<string> {
  const read = (value: string): string => {
    if (!pattern.test(value)) throw new Unreadable(expects);
    return value;
  };
  return { read, fallback, expects };
}

function url(protocols: readonly string[]): Bare<string> {
  const expects = `a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
  const read = (value: string): string => {
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) throw new Unreadable(expects);
    return value;
  };
  return { read, fallback: '', expects };
}

/** Milliseconds, written as `10s`, `500ms` or `2m`. */
function duration(usual: string): Bare<number> {
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
function span(usual: string): Bare<number> {
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

function secretKey(): Bare<Buffer | null> {
  const expects = '32 bytes in base64';
  const read = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length !== 32 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) throw new Unreadable(expects);
    return bytes;
  };
  return { read, fallback: null, expects };
}

function quota(usual: string): Bare<Quota> {
  const expects = 'requests and seconds such as 600/60s: up to 1000000000 in up to 3600 s';
  return { read: readQuota, fallback: readQuota(usual), usual, expects };
}

function trustedProxies(): Bare<TrustedProxies> {
  const expects =
    'a number of hops from 1 to 10 (the nearest on a private network), or a comma-separated list of addresses and networks (CIDR, at least /8 or IPv6 /16), never all of them';
  return { read: readTrustedProxies, fallback: false, usual: '', expects };
}

function origins(): Bare<readonly string[]> {
  const expects = 'a comma-separated list of origins such as https://app.example.com (no path, no "*")';
  return { read: readOrigins, fallback: Object.freeze([]), usual: '', expects };
}

function domains(): Bare<readonly string[]> {
  const expects = 'a comma-separated list of domains such as example.com';
  const read = (value: string): readonly string[] => {
    const names = value.split(',').map((name) => domainToASCII(name.trim().toLowerCase()));
    if (names.some((name) => !/^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(name))) throw new Unreadable(expects);
    return Object.freeze(names);
  };
  return { read, fallback: Object.freeze([]), usual: '', expects };
}

function mailServer(): Bare<MailServer | null> {
  const expects =
    'a URL such as smtps://user:password@mail.example.com:465 or smtp://mail.example.com, with nothing after the port';
  return { read: readMailServer, fallback: null, expects };
}

function mailbox(): Bare<Mailbox | null> {
  return { read: readMailbox, fallback: null, expects: 'an address such as Example <noreply@example.com>' };
}

const anything = /^[^\0]+$/s;
const host = /^[0-9A-Za-z.:_-]+$/;

export const settings = {
  NODE_ENV: describe(
    oneOf(['development', 'production', 'test'], 'development'),
    'production refuses what is only fit for trying out',
  ),
  ROLE: describe(oneOf(['all', 'api', 'worker'], 'all'), 'What this process does: answer requests, run jobs, or both'),
  PORT: describe(whole(0, 65_535, 3000), 'Port of the API; if it is not set and taken, the next free one'),
  HOST: describe(text('a host name or an address', host, '127.0.0.1'), 'Address that the API listens on'),
  MANAGEMENT_PORT: describe(whole(0, 65_535, 3001), 'Port of metrics, detailed probes and /ops'),
  MANAGEMENT_HOST: describe(
    text('a host name or an address', host, '127.0.0.1'),
    'Address that the management port listens on',
  ),
  PUBLIC_URL: describe(
    url(['http:', 'https:']),
    'The URL by which users reach Roster (the issuer of tokens); by default that of the first start, for ever',
  ),
  DATA_DIR: describe(text('a folder', anything, './data'), 'Where the embedded database and generated secrets live'),
  DATABASE_URL: describe(
    url(['postgres:', 'postgresql:']),
    'PostgreSQL 15 or later, in place of the embedded one',
    true,
  ),
  DATABASE_MIGRATION_URL: describe(
    url(['postgres:', 'postgresql:']),
    'The role that owns the tables; DATABASE_URL if absent',
    true,
  ),
  DATABASE_POOL_MAX: describe(whole(1, 500, 10), 'Connections to PostgreSQL that one process keeps at most'),
  DATABASE_WAIT: describe(duration('60s'), 'How long the start waits for a database that is late'),
  REDIS_URL: describe(
    url(['redis:', 'rediss:']),
    'Redis, in place of PostgreSQL, for counting requests; losing it degrades the limits and stops nothing',
    true,
  ),
  SMTP_URL: describe(
    mailServer(),
    'The server that takes our mail (port 587, of smtps 465); without it mail stays in the development outbox',
    true,
  ),
  MAIL_FROM: describe(mailbox(), 'The sender of mail; by default `Roster <noreply@…>` at the host of PUBLIC_URL'),
  ALLOW_EMBEDDED_DATABASE: describe(oneOf(['0', '1'], '0'), '1 lets production use the embedded database'),
  SECRET_KEY: describe(secretKey(), 'The key from which every purpose derives its own', true),
  SECRET_KEY_PREVIOUS: describe(secretKey(), 'The key before it, still able to open what it sealed', true),
  ADMIN_EMAIL: describe(text('an e-mail address', /^[^\s@]+@[^\s@]+$/, ''), 'Address of the first administrator'),
  ADMIN_PASSWORD: describe(
    text('a password', anything, ''),
    'Password of the first administrator; else a one-time password is made',
    true,
  ),
  REGISTRATION: describe(
    oneOf(['open', 'invite', 'closed'], 'open'),
    'Who may have an account: whoever registers, whoever is invited, or whoever an administrator makes',
  ),
  REGISTRATION_DOMAINS: describe(
    domains(),
    'The only domains whose addresses may register, separated by commas; by default all',
  ),
  ACCOUNT_URL: describe(
    url(['http:', 'https:']),
    'Where the links of mails lead: your own pages, or those of Roster (PUBLIC_URL and /account)',
  ),
  DELETION_GRACE: describe(
    whole(0, 365, 14),
    'Days that people may still keep the account that they deleted; 0 deletes it at once',
  ),
  JWT_AUDIENCE: describe(text('a text without spaces', /^\S{1,200}$/, 'roster'), 'The `aud` of access tokens'),
  PASSWORD_MIN_LENGTH: describe(
    whole(8, 128, 15),
    'Characters that a password has at least (NIST SP 800-63B-4 asks for 15)',
  ),
  SESSION_IDLE: describe(span('14d'), 'A session that nobody refreshes for so long is over'),
  SESSION_LIFETIME: describe(span('30d'), 'A session is over after so long, however often it is refreshed'),
  SESSION_MAX: describe(whole(1, 1000, 50), 'Open sessions of one user; one more ends the longest unseen'),
  IMPORT_MAX_BYTES: describe(
    whole(1024, 1_099_511_627_776, 1_073_741_824),
    'The longest file of users that is taken over HTTP, in bytes',
  ),
  IMPORTS_RETENTION: describe(span('7d'), 'How long reports of imports, and files of exports, are kept'),
  TRUST_PROXY: describe(
    trustedProxies(),
    'The proxies before this server, whose X-Forwarded-* headers are believed; by default nobody',
  ),
  CORS_ORIGINS: describe(origins(), 'Origins whose pages may call the API from a browser; by default none'),
  RATE_LIMITS: describe(oneOf(['on', 'off'], 'on'), 'Whether requests are limited; off only for measurements'),
  RATE_LIMIT_READ: describe(quota('6000/60s'), 'GET and HEAD requests: of one address, and of one account'),
  RATE_LIMIT_WRITE: describe(quota('1200/60s'), 'Other requests: of one address, and of one account'),
  RATE_LIMIT_CREDENTIALS: describe(
    quota('60/60s'),
    'Passwords and codes that one address may try; of one account half, from one address a sixth of it',
  ),
  LOG_LEVEL: describe(
    oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], 'info'),
    'The least severe log line that is written',
  ),
  SHUTDOWN_DELAY: describe(duration('0ms'), 'How long /health/ready says 503 before the port closes'),
  SHUTDOWN_DEADLINE: describe(duration('15s'), 'The longest that a stop may take, after SHUTDOWN_DELAY'),
  DOCS: describe(oneOf(['on', 'off'], 'on'), 'Swagger UI at /docs'),
} as const;

export type Settings = typeof settings;
export type SettingName = keyof Settings;
export type Values = { -readonly [K in SettingName]: Settings[K] extends Setting<infer T> ? T : never };
