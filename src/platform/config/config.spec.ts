import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Config } from './config.js';
import { OperatorFault } from './operator-fault.js';
import { settings } from './settings.js';

const KEY = Buffer.alloc(32, 3).toString('base64');
const PRODUCTION = { NODE_ENV: 'production', SECRET_KEY: KEY, DATABASE_URL: 'postgres://db/roster' };

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    Config.load(environment);
  } catch (error) {
    if (!(error instanceof OperatorFault)) throw error;
    const [headline, ...faults] = error.message.split('\n  - ');
    expect(headline).toMatch(new RegExp(`wrong in ${faults.length} places?:$`));
    return faults;
  }
  return [];
}

describe('a configuration', () => {
  it('needs nothing: then it is for trying out, on the embedded database', () => {
    const config = Config.load({});
    expect([config.production, config.embeddedDatabase, config.portGiven]).toEqual([false, true, false]);
    expect([config.values.PORT, config.values.MANAGEMENT_PORT, config.values.HOST]).toEqual([3000, 3001, '127.0.0.1']);
    expect(Object.isFrozen(config.values)).toBe(true);
  });

  it('takes an empty variable for none, and knows nothing of strange ones', () => {
    const config = Config.load({ PORT: '', LOG_LEVEL: '', PORTT: 'eighty' });
    expect([config.portGiven, config.values.PORT, config.values.LOG_LEVEL]).toEqual([false, 3000, 'info']);
  });

  it.each([
    ['PORT', '8080', 8080],
    ['PORT', '0', 0],
    ['SHUTDOWN_DELAY', '2m', 120_000],
    ['SHUTDOWN_DELAY', '10s', 10_000],
    ['SHUTDOWN_DEADLINE', '500ms', 500],
    ['SESSION_IDLE', '14d', 14 * 86_400_000],
    ['SESSION_IDLE', '10m', 600_000],
    ['SESSION_LIFETIME', '36h', 36 * 3_600_000],
    ['SECRET_KEY', KEY, Buffer.alloc(32, 3)],
    ['ROLE', 'worker', 'worker'],
    ['PUBLIC_URL', 'https://id.example.com', 'https://id.example.com'],
    ['SMTP_URL', 'smtp://mail.example.com', { host: 'mail.example.com', port: 587, secure: false, auth: null }],
    ['NATS_URL', 'nats://127.0.0.1', { hosts: ['127.0.0.1:4222'], secure: false, auth: null }],
    ['MAIL_FROM', 'Example <post@example.com>', { name: 'Example', address: 'post@example.com' }],
  ])('reads %s=%s', (name, text, value) => {
    expect(Config.load({ [name]: text }).values).toMatchObject({ [name]: value });
  });

  it.each([
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '0x50'],
    ['PORT', '80 '],
    ['SHUTDOWN_DELAY', '10'],
    ['SHUTDOWN_DELAY', '11m'],
    ['SHUTDOWN_DELAY', '-1s'],
    ['SESSION_IDLE', '9m'],
    ['SESSION_IDLE', '600s'],
    ['SESSION_LIFETIME', '366d'],
    ['SESSION_MAX', '0'],
    ['SECRET_KEY', Buffer.alloc(31).toString('base64')],
    ['SECRET_KEY', `${KEY.slice(0, -1)}!`],
    ['DATABASE_URL', 'mysql://db'],
    ['DATABASE_URL', 'db'],
    ['PUBLIC_URL', 'ftp://files.example.com'],
    ['ADMIN_EMAIL', 'ada'],
    ['SMTP_URL', 'smtp://mail.example.com/?secure=false'],
    ['MAIL_FROM', 'post@example.com\r\nBcc: eve@example.com'],
    ['HOST', 'not a host'],
    ['ROLE', 'API'],
    ['DATABASE_POOL_MAX', '0'],
  ])('refuses %s=%s by the name and what it expects, without the value', (name, text) => {
    const [fault, ...others] = faultsOf({ [name]: text });
    expect(others).toEqual([]);
    expect(fault).toBe(`${name} must be ${settings[name as keyof typeof settings].expects}`);
  });

  it('names everything that is wrong at once, each fault once', () => {
    const faults = faultsOf({ NODE_ENV: 'production', SECRET_KEY: 'short', PORT: 'x', ADMIN_PASSWORD: 'a password' });
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'PORT',
      'SECRET_KEY',
      'ADMIN_PASSWORD',
      'DATABASE_URL',
    ]);
  });

  it.each([
    ['a password for nobody', { ADMIN_PASSWORD: 'some password' }, /ADMIN_EMAIL/],
    ['an owner without a database', { DATABASE_MIGRATION_URL: 'postgres://o@db/x' }, /DATABASE_URL/],
    ['one port twice', { PORT: '4000', MANAGEMENT_PORT: '4000' }, /must differ/],
    ['production without a secret', { ...PRODUCTION, SECRET_KEY: '' }, /SECRET_KEY must be set/],
    ['production without a database', { ...PRODUCTION, DATABASE_URL: '' }, /ALLOW_EMBEDDED_DATABASE=1/],
  ])('refuses %s', (_, environment, reason) => {
    expect(faultsOf(environment)).toEqual([expect.stringMatching(reason)]);
  });

  it.each([
    ['any port twice', { PORT: '0', MANAGEMENT_PORT: '0' }],
    ['the usual port of the other, which then moves', { PORT: '3001' }],
    ['production with what it needs', PRODUCTION],
    [
      'production on the embedded database, if that is wished',
      { ...PRODUCTION, DATABASE_URL: '', ALLOW_EMBEDDED_DATABASE: '1' },
    ],
  ])('accepts %s', (_, environment) => {
    expect(faultsOf(environment)).toEqual([]);
  });
});

describe('a setting from a file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'roster-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read without its last line break', () => {
    const file = join(folder, 'key');
    writeFileSync(file, `${KEY}\n`);
    expect(Config.load({ SECRET_KEY_FILE: file }).values.SECRET_KEY).toEqual(Buffer.alloc(32, 3));
  });

  it('counts as given in production', () => {
    const file = join(folder, 'url');
    writeFileSync(file, 'postgres://db/roster');
    expect(faultsOf({ ...PRODUCTION, DATABASE_URL: '', DATABASE_URL_FILE: file })).toEqual([]);
  });

  it('is refused when it cannot be read, or when the variable is set too', () => {
    expect(faultsOf({ SECRET_KEY_FILE: join(folder, 'nothing') })).toEqual(['SECRET_KEY_FILE cannot be read (ENOENT)']);
    expect(faultsOf({ SECRET_KEY: KEY, SECRET_KEY_FILE: join(folder, 'nothing') })).toEqual([
      'SECRET_KEY and SECRET_KEY_FILE are both set: keep one',
    ]);
  });
});
