import { jest } from '@jest/globals';

import { asSuperuser, ask, freshDatabase } from '../harness/database.js';
import { onDatabase, runToEnd, startProcess } from '../harness/process.js';

// Each examination is a process of its own, on a machine that may be busy.
jest.setTimeout(300_000);

interface Examined {
  readonly code: number | null;
  readonly healthy: boolean;
  readonly findings: Record<string, { verdict: string; detail: string }>;
}

async function examine(settings: Record<string, string>, ...options: string[]): Promise<Examined> {
  const { code, stdout, stderr } = await runToEnd(settings, ['doctor', '--json', ...options]);
  expect(stderr).toBe('');
  const { healthy, findings } = JSON.parse(stdout) as {
    healthy: boolean;
    findings: { about: string; verdict: string; detail: string }[];
  };
  return { code, healthy, findings: Object.fromEntries(findings.map(({ about, ...rest }) => [about, rest])) };
}

const PRODUCTION = {
  SECRET_KEY: Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)).toString('base64'),
  PUBLIC_URL: 'https://id.example.com',
  TRUST_PROXY: '1',
};

describe('npm run roster -- doctor', () => {
  it('finds a database of two roles, in UTF-8, with the right clock, well', async () => {
    const database = onDatabase(await freshDatabase('doctor_well'));
    const { code, healthy, findings } = await examine({ ...database, ...PRODUCTION }, '--production');
    expect({ code, healthy }).toEqual({ code: 0, healthy: true });
    for (const about of ['configuration', 'SECRET_KEY', 'PUBLIC_URL', 'database', 'database locale', 'clock'])
      expect([about, findings[about]?.verdict]).toEqual([about, 'ok']);
    for (const about of ['database roles', 'migrations'])
      expect([about, findings[about]?.verdict]).toEqual([about, 'ok']);
  });

  it.each([
    ['to the development outbox', {}, [], 'ok', /development outbox at \/dev\/mail/],
    ['nowhere, which production is warned of', {}, ['--production'], 'warning', /SMTP_URL is not set/],
    [
      'out, without telling the password',
      { SMTP_URL: 'smtps://ada:its-secret@mail.example.com', MAIL_FROM: 'Example <post@example.com>' },
      ['--production'],
      'ok',
      /^goes out by smtps:\/\/mail\.example\.com:465, signed in, from post@example\.com$/,
    ],
  ])('says that mail goes %s', async (_, settings, options, verdict, detail) => {
    const database = onDatabase(await freshDatabase('doctor_mail'));
    const { findings } = await examine({ ...database, ...PRODUCTION, ...settings }, ...options);
    expect(findings['mail']).toEqual({ verdict, detail: expect.stringMatching(detail) as string });
  });

  it.each([
    ['nats://127.0.0.1:4222', 'ok', /^events and questions go by nats:\/\/127\.0\.0\.1:4222$/],
    ['tls://ada:its-secret@nats.example.com', 'ok', /tls:\/\/nats\.example\.com:4222, signed in$/],
    ['nats://its-secret@nats.example.com', 'warning', /signed in: tokens travel unencrypted/],
  ])('says how events go by %s', async (NATS_URL, verdict, detail) => {
    const database = onDatabase(await freshDatabase('doctor_broker'));
    const { findings } = await examine({ ...database, ...PRODUCTION, NATS_URL }, '--production');
    expect(findings['broker']).toEqual({ verdict, detail: expect.stringMatching(detail) as string });
    expect(JSON.stringify(findings)).not.toContain('its-secret');
  });

  it('says for people what it says for programs', async () => {
    const { code, stdout } = await runToEnd(onDatabase(await freshDatabase('doctor_words')), ['doctor']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^✓ configuration {5}every setting can be read$/m);
    expect(stdout).toMatch(/^✗ SECRET_KEY {8}is not random/m);
    expect(stdout).toMatch(/^1 at fault, \d+ to think about\.$/m);
  });

  it('names every wrong setting at once, and starts nothing', async () => {
    const { code, stdout } = await runToEnd({ PORT: 'eighty', LOG_LEVEL: 'loud', DATA_DIR: '/nowhere' }, ['doctor']);
    expect(code).toBe(1);
    expect(stdout).toContain('✗ configuration     PORT must be');
    expect(stdout).toContain('✗ configuration     LOG_LEVEL must be');
  });

  it.each([
    ['a public URL without TLS', { PUBLIC_URL: 'http://id.example.com' }, 'PUBLIC_URL', 'fault'],
    ['limits that are off', { RATE_LIMITS: 'off' }, 'RATE_LIMITS', 'warning'],
    [
      'a password left in the environment',
      { ADMIN_EMAIL: 'a@b.c', ADMIN_PASSWORD: 'x'.repeat(20) },
      'ADMIN_PASSWORD',
      'warning',
    ],
    ['more connections than the server has', { DATABASE_POOL_MAX: '500' }, 'connections', 'fault'],
  ])('warns production of %s', async (_, settings, about, verdict) => {
    const database = onDatabase(await freshDatabase('doctor_production'));
    const { findings } = await examine({ ...database, ...PRODUCTION, ...settings }, '--production');
    expect(findings[about]).toMatchObject({ verdict });
  });

  it('warns of one role for everything', async () => {
    const { ownerUrl } = await freshDatabase('doctor_role');
    const { findings } = await examine({ DATABASE_URL: ownerUrl });
    expect(findings['database roles']).toMatchObject({ verdict: 'warning' });
  });

  it('finds a secret that is not the one of this database', async () => {
    const address = await freshDatabase('doctor_secret');
    await (await startProcess({ ...onDatabase(address), ...PRODUCTION })).stop();
    expect((await examine({ ...onDatabase(address), ...PRODUCTION })).findings['secrets']).toMatchObject({
      verdict: 'ok',
    });
    const other = await examine({
      ...onDatabase(address),
      SECRET_KEY: Buffer.from(PRODUCTION.PUBLIC_URL.repeat(2).slice(0, 32)).toString('base64'),
    });
    expect(other.findings['secrets']).toMatchObject({ verdict: 'fault' });
    expect(other.code).toBe(1);
  });

  it('finds a restore that was ended before its end', async () => {
    const address = await freshDatabase('doctor_restore');
    expect((await examine(onDatabase(address))).findings).not.toHaveProperty('restore');
    // What is there from before pg_restore until all is compared.
    await ask(asSuperuser(address), 'CREATE SCHEMA roster_unverified');
    const { code, findings } = await examine(onDatabase(address));
    expect(findings['restore']).toEqual({ verdict: 'fault', detail: expect.stringContaining('once more') as string });
    expect(code).toBe(1);
  });

  it('tells of migrations that are owed, of a running server, and of a database that is not there', async () => {
    const address = await freshDatabase('doctor_owed');
    await using server = await running(onDatabase(address));
    await ask(address.ownerUrl, 'DELETE FROM roster.migrations WHERE id = (SELECT max(id) FROM roster.migrations)');
    const seen = await examine({ ...onDatabase(address), PORT: server.port });
    expect(seen.findings['migrations']).toMatchObject({ verdict: 'warning' });
    expect(seen.findings['ports']?.detail).toContain('Roster runs already');
    const away = await examine({ DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' });
    expect(away.findings['database']).toMatchObject({ verdict: 'fault' });
  });
});

async function running(settings: Record<string, string>): Promise<{ port: string } & AsyncDisposable> {
  const { url, stop } = await startProcess(settings);
  return { port: new URL(url).port, [Symbol.asyncDispose]: async () => void (await stop()) };
}
