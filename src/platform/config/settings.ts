import {
  brokerCredentials,
  brokerServers,
  days,
  daysOrForGood,
  describe,
  domains,
  duration,
  mailServer,
  mailbox,
  networks,
  oneOf,
  origins,
  quota,
  secretKey,
  span,
  text,
  trustedProxies,
  url,
  whole,
} from './setting-kinds.js';
import type { Setting } from './setting-kinds.js';

export type { Setting } from './setting-kinds.js';

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
    'Redis, in place of PostgreSQL, for counting requests and for waking other processes; losing it stops nothing',
    true,
  ),
  NATS_URL: describe(
    brokerServers(),
    'NATS with JetStream: events are published there, and other services ask there; losing it delays events and stops nothing',
    true,
  ),
  NATS_CREDS: describe(
    brokerCredentials(),
    'How we sign in to NATS by a key, in place of a password in NATS_URL; most likely as NATS_CREDS_FILE',
    true,
  ),
  NATS_EVENTS_KEPT: describe(span('7d'), 'JetStream forgets events that are older'),
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
  JOBS_CONCURRENCY: describe(whole(1, 100, 8), 'Background jobs that one process runs at a time'),
  JOBS_RETENTION: describe(span('30d'), 'How long a background job is shown after its end'),
  SESSION_IDLE: describe(span('14d'), 'A session that nobody refreshes for so long is over'),
  SESSION_LIFETIME: describe(span('30d'), 'A session is over after so long, however often it is refreshed'),
  SESSION_MAX: describe(whole(1, 1000, 50), 'Open sessions of one user; one more ends the longest unseen'),
  SESSIONS_RETENTION: describe(
    days('90d'),
    'A session is forgotten so long after its end; a browser that was last seen in it is a new device from then on',
  ),
  AUDIT_RETENTION: describe(
    daysOrForGood(60),
    'Entries of the audit log go after so long, whole months at once, each time with a signed record; by default none ever goes',
  ),
  CREDENTIALS_RETENTION: describe(
    days('365d'),
    'API keys, invitations and signing keys are forgotten so long after they were over',
  ),
  EVENTS_RETENTION: describe(
    days('90d'),
    'Events are kept for so long (a whole month goes at once), and until every reader of ours has had them',
  ),
  IMPORT_MAX_BYTES: describe(
    whole(1024, 1_099_511_627_776, 1_073_741_824),
    'The longest file of users that is taken over HTTP, in bytes',
  ),
  IMPORT_MAX_ROWS: describe(
    whole(1, 2_000_000_000, 2_000_000),
    'The most rows of a file of users that is taken over HTTP: however short, each is staged and reported',
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
  WEBHOOK_ALLOW_CIDRS: describe(
    networks(),
    'Networks beside the Internet that webhooks may be sent to, separated by commas; by default none',
  ),
  WEBHOOK_ALLOW_HTTP: describe(oneOf(['0', '1'], '0'), '1 lets production send webhooks without TLS'),
  WEBHOOK_TIMEOUT: describe(duration('15s'), 'How long one delivery of a webhook may take, in all'),
  WEBHOOK_DISABLE_AFTER: describe(
    span('5d'),
    'A webhook that takes nothing for so long is disabled, and its maker told',
  ),
  WEBHOOK_DELIVERIES_RETENTION: describe(span('30d'), 'How long deliveries of webhooks are kept'),
  REALTIME_SOCKETS: describe(
    whole(0, 1_000_000, 20_000),
    'Sockets at /realtime that one process keeps at most; each is a file descriptor and some 20 KB',
  ),
  REALTIME_SOCKETS_PER_USER: describe(whole(1, 100_000, 20), 'Of them, those of one user'),
  REALTIME_SOCKETS_PER_ADDRESS: describe(
    whole(1, 1_000_000, 1000),
    'Of them, those from one address (of IPv6 a /64): an office may share one',
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
