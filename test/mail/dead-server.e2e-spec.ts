import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';

import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { Indicators } from '../../src/platform/telemetry/indicators.js';
import { TestApp } from '../harness/app.js';
import { timeOf } from '../harness/awake.js';
import { freshDatabase } from '../harness/database.js';
import { freePort } from '../harness/free-port.js';
import { PASSWORD, unique } from '../harness/people.js';
import { awaitThat } from '../jobs/awaited.js';
import { register, sending } from './letters.js';
import { PostOffice, SilentOffice, awaitOwed, lettersOwed, passTime, passTimeUntilOwed } from './post-office.js';

// A server that says nothing is waited for.
jest.setTimeout(180_000);

/** Whatever waited for a server that says nothing would take longer. Milliseconds. */
const SERVER_IS_WAITED_FOR = 4500;
const DAY = 24 * 3_600_000;

describe('a mail server that is dead', () => {
  const open: (() => Promise<void>)[] = [];
  // What was opened last is closed first.
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  async function startApp(database: DatabaseAddress, port: number): Promise<TestApp> {
    const app = await TestApp.start({ database, settings: { SMTP_URL: `smtp://127.0.0.1:${port}` }, patient: false });
    open.push(() => app.stop());
    return app;
  }

  async function openSilent(): Promise<SilentOffice> {
    const silent = await SilentOffice.open();
    open.push(() => silent.close());
    return silent;
  }

  async function openOffice(port = 0): Promise<PostOffice> {
    const office = await PostOffice.open({ port });
    open.push(() => office.close());
    return office;
  }

  /** Registers several at once, and says how much longer the slowest waited than a sign-in beside them, which owes no mail. */
  async function slowest(app: TestApp, addresses: readonly string[]): Promise<number> {
    // The words that nobody may choose are read first, which takes a while.
    const guessable = { email: `${unique('weak')}@example.com`, password: 'passwordpassword' };
    const weak = () => app.send('POST', '/api/v1/auth/register', { body: guessable });
    await awaitThat(weak, ({ status }) => status === 422);
    const stranger = { identifier: unique('nobody'), password: PASSWORD };
    const beside = timeOf(async () =>
      expect((await app.send('POST', '/api/v1/auth/login', { body: stranger })).status).toBe(401),
    );
    const times = addresses.map((address) =>
      timeOf(async () => expect((await register(app, address)).status).toBe(202)),
    );
    return Math.max(...(await Promise.all(times))) - (await beside);
  }

  it('is dead for days: the mail is tried for three of them, then given up, counted and told', async () => {
    // Regressed: after three and a half hours the mail stayed in the queue for ever, and nobody was told.
    const log: string[] = [];
    const app = await TestApp.start({
      database: await freshDatabase('smtp_given_up'),
      settings: { SMTP_URL: `smtp://127.0.0.1:${await freePort()}` },
      onLog: (line) => log.push(line),
    });
    open.push(() => app.stop());
    const email = `${unique('late')}@example.com`;
    expect((await register(app, email)).status).toBe(202);
    await awaitOwed(app, 1, 1);
    // As after so many tries of four hours.
    await app.sql("UPDATE roster.jobs SET attempts = 11 WHERE name = 'mail.deliver' AND state IN ('queued', 'failed')");
    app.clock.advance(2 * DAY);
    await passTimeUntilOwed(app, 1, 12);
    app.clock.advance(DAY);
    await passTimeUntilOwed(app, 0);
    expect(await app.ground.metrics.text()).toContain('mail_sent_total{result="given_up"} 1');
    const told = log.filter((line) => line.includes('A mail is given up'));
    expect(told).toHaveLength(1);
    expect(told[0]).not.toContain(email);
  });

  it('refuses the connection: no request notices, and the mail arrives when it is back, once', async () => {
    const port = await freePort();
    const app = await startApp(await freshDatabase('smtp_refused'), port);
    const email = `${unique('back')}@example.com`;
    expect(await slowest(app, [email])).toBeLessThan(SERVER_IS_WAITED_FOR);
    const [letter] = await awaitOwed(app, 1, 1);
    expect(letter!.last_error).toContain('The mail server did not take a mail');
    const shown = JSON.stringify(letter) + Buffer.from(letter!.payload.sealed, 'base64').toString('latin1');
    for (const secret of [email, 'confirm-address', '"code"']) expect(shown).not.toContain(secret);
    const health = async () => (await app.send<{ status: string }>('GET', '/health')).body.status;
    expect((await app.get(Indicators).ask(1000))['mail']).toMatchObject({ status: 'warn' });
    expect(await health()).toBe('warn');
    const office = await openOffice(port);
    await passTimeUntilOwed(app, 0);
    const [arrived] = await office.awaitFor(email);
    expect(arrived!.mail.messageId).toBe(`<${letter!.payload.id}@localhost>`);
    expect(arrived!.from).toBe('noreply@localhost');
    expect(office.arrived).toHaveLength(1);
    await awaitThat(health, (status) => status === 'pass');
  });

  it('takes the call and says nothing: no request notices, one letter waits for all, and each arrives when it is back', async () => {
    const silent = await openSilent();
    const app = await startApp(await freshDatabase('smtp_silent'), silent.port);
    const addresses = Array.from({ length: 6 }, () => `${unique('silent')}@example.com`);
    for (const email of addresses.slice(2)) await sending(app)({ email, locale: 'en' });
    await silent.awaitCall();
    expect(await slowest(app, addresses.slice(0, 2))).toBeLessThan(SERVER_IS_WAITED_FOR);
    await awaitOwed(app, 6, 1);
    const tries = (await lettersOwed(app)).map(({ last_error: error }) => error);
    expect(tries.filter((error) => error?.includes('is away')).length).toBeGreaterThan(0);
    const { port } = silent;
    await silent.close();
    const office = await openOffice(port);
    for (let owed = 6; owed > 0; owed = (await lettersOwed(app)).length) {
      await passTime(app);
      await pause(500);
    }
    for (const address of addresses) expect(await office.awaitFor(address)).toHaveLength(1);
  });

  it('is given no password without TLS, unless it is on this machine', async () => {
    const credentials = { user: 'roster', password: 'secret' };
    const office = await PostOffice.open({ credentials });
    open.push(() => office.close());
    // Another name for this machine, which we do not take for one.
    const SMTP_URL = `smtp://roster:secret@0.0.0.0:${office.port}`;
    const app = await TestApp.start({
      database: await freshDatabase('smtp_tls'),
      settings: { SMTP_URL },
    });
    open.push(() => app.stop());
    expect((await register(app, `${unique('tls')}@example.com`)).status).toBe(202);
    const [letter] = await awaitOwed(app, 1, 1);
    expect(letter!.last_error).toMatch(/STARTTLS/);
    expect([office.signIns, office.arrived.length]).toEqual([0, 0]);
  });

  it('does not hold up a stop, and the letter waits for the next process', async () => {
    const silent = await openSilent();
    const database = await freshDatabase('smtp_stop');
    const app = await TestApp.start({
      database,
      settings: { SMTP_URL: `smtp://127.0.0.1:${silent.port}` },
    });
    const email = `${unique('stop')}@example.com`;
    expect((await register(app, email)).status).toBe(202);
    await silent.awaitCall();
    expect(await timeOf(() => app.stop())).toBeLessThan(SERVER_IS_WAITED_FOR);
    await silent.close();
    const office = await openOffice();
    const next = await startApp(database, office.port);
    await passTimeUntilOwed(next, 0);
    expect(await office.awaitFor(email)).toHaveLength(1);
  });
});
