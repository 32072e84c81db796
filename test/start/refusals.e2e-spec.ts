import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { jest } from '@jest/globals';

import { freshDatabase, run } from '../harness/database.js';
import { onDatabase, runToEnd, startProcess, statusOf } from '../harness/process.js';

// Each test runs processes, on a machine that may be busy.
jest.setTimeout(120_000);

const KEY = Buffer.alloc(32, 1).toString('base64');

describe('a start that cannot be', () => {
  it.each([
    [
      'three wrong settings',
      { PORT: 'eighty', LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://somewhere' },
      ['in 3 places', 'PORT must be', 'LOG_LEVEL must be', 'DATABASE_URL must be'],
    ],
    [
      'a wrong one and two that are missing',
      { NODE_ENV: 'production', SECRET_KEY: '', DOCS: 'maybe' },
      ['in 3 places', 'DOCS must be', 'SECRET_KEY must be set', 'DATABASE_URL must be set'],
    ],
    [
      'production with a generated secret',
      { NODE_ENV: 'production', SECRET_KEY: '', DATABASE_URL: 'postgres://x/y' },
      ['SECRET_KEY must be set in production'],
    ],
    ['production on the embedded database', { NODE_ENV: 'production' }, ['ALLOW_EMBEDDED_DATABASE=1']],
    ['a secret that is too short', { SECRET_KEY: 'c2hvcnQ=' }, ['SECRET_KEY must be 32 bytes in base64']],
    [
      'a secret file that is not there',
      { SECRET_KEY: '', SECRET_KEY_FILE: '/nowhere/key' },
      ['SECRET_KEY_FILE', 'ENOENT'],
    ],
    ['one port for both', { PORT: '3999', MANAGEMENT_PORT: '3999' }, ['PORT and MANAGEMENT_PORT must differ']],
  ])('names %s, and nothing is started', async (_, settings, named) => {
    const { code, stdout, stderr } = await runToEnd({ DATA_DIR: '/nowhere', SECRET_KEY: KEY, ...settings });
    expect([code, stdout]).toEqual([1, '']);
    for (const text of named) expect(stderr).toContain(text);
    expect(stderr).not.toContain('    at ');
  });

  it.each(['PORT', 'MANAGEMENT_PORT'])('refuses a %s that is taken, when it was chosen', async (name) => {
    await using taken = await takePort();
    const { code, stdout, stderr } = await runToEnd({ DATA_DIR: '/nowhere', [name]: String(taken.port) });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(new RegExp(`^${name}=${taken.port} is taken on 127\\.0\\.0\\.1: .*\\n$`));
  });
});

describe('a port that nobody chose', () => {
  it('gives way to a taken one, and says so', async () => {
    const free = { ...onDatabase(await freshDatabase('start_ports')), PORT: '', MANAGEMENT_PORT: '' };
    const [first, second] = [await startProcess(free), await startProcess(free)];
    try {
      expect(second.url).not.toBe(first.url);
      expect(second.management).not.toBe(first.management);
      expect(second.line.notes).toEqual([
        expect.stringMatching(/^Port 3000 is taken: \d+ is used/),
        expect.stringMatching(/^Port 3001 is taken: \d+ is used/),
      ]);
      expect(await statusOf(second.line.urls.health)).toBe(200);
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  });
});

describe('a command line', () => {
  it.each([
    ['an unknown command', ['frobnicate'], 'There is no command "frobnicate"'],
    ['half a command', ['migrate'], 'There is no command "migrate"'],
    ['a word that every object knows', ['toString'], 'There is no command "toString"'],
    ['an unknown option', ['serve', '--fast'], "Unknown option '--fast'"],
    ["another command's option", ['keys', 'rotate', '--email', 'a@b'], '"keys rotate" has no option --email'],
  ])('is refused with exit code 2 for %s', async (_, parameters, text) => {
    const { code, stdout, stderr } = await runToEnd({ DATA_DIR: run.folder }, parameters);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(text);
    expect(stderr).toContain('npm run roster -- ');
  });

  it('explains itself', async () => {
    const all = await runToEnd({}, ['--help']);
    const one = await runToEnd({}, ['admin', 'reset', '--help']);
    expect([all.code, one.code, one.stderr]).toEqual([0, 0, '']);
    for (const command of [
      'serve',
      'migrate up',
      'migrate status',
      'admin create',
      'admin reset',
      'keys rotate',
      'token',
    ])
      expect(all.stdout).toContain(`\n  ${command} `);
    expect(one.stdout).toContain('--email <text>');
  });

  it('gives no token in production', async () => {
    const settings = { ...onDatabase(await freshDatabase('start_production')), NODE_ENV: 'production' };
    const { code, stderr } = await runToEnd(settings, ['token']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('not with NODE_ENV=production')]);
  });
});

async function takePort(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}
