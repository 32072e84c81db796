import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';

import { Mail, defineMail } from '../../src/mail/index.js';
import type { Recipient } from '../../src/mail/index.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { Database } from '../../src/platform/database/database.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import { mailTo } from './mailbox.js';
import { PostOffice, SilentOffice, awaitOwed, emptyPort, lettersOwed, passTime } from './post-office.js';

// A server that says nothing is waited for.
jest.setTimeout(60_000);

const Invitation = defineMail<{ name: string; code: string; link: string }>('test-invitation', {
  en: {
    subject: 'Welcome, {{name}}',
    paragraphs: ['Hello {{name}},', 'your code is', '{{code}}', '{{link}}', 'See you & yours soon.'],
    action: 'Accept the invitation',
  },
  de: {
    subject: 'Willkommen, {{name}}',
    paragraphs: ['Guten Tag {{name}},', 'Ihr Code lautet', '{{code}}', 'Bis bald, schöne Grüße'],
    action: 'Einladung annehmen',
  },
});

const LINK = 'https://id.example.com/account/invitation#token=abc&more';
const VALUES = { name: 'Ada Lovelace', code: '123456', link: LINK };

/** What a mail is sent with, and the application that sends it. */
function sending(app: TestApp) {
  return (to: Recipient | null, values: Partial<typeof VALUES> = {}) =>
    app.get(Database).transaction(() => app.get(Mail).send(Invitation, to, { ...VALUES, ...values }));
}

const register = (app: TestApp, email: string, locale = 'en') =>
  app.send<{ flowId: string }>('POST', '/api/v1/auth/register', { body: { email, password: PASSWORD, locale } });

async function counted(app: TestApp, result: string): Promise<number> {
  const line = (await app.ground.metrics.text()).split('\n').find((text) => text.includes(`{result="${result}"}`));
  return Number(line?.split(' ').at(-1) ?? 0);
}

describe('mail by SMTP', () => {
  let app: TestApp;
  let office: PostOffice;
  const log: string[] = [];
  const refused = unique('refused');

  beforeAll(async () => {
    office = await PostOffice.open({
      credentials: { user: 'roster@example.com', password: 'p/a:s s' },
      refuse: (address) => {
        if (address.startsWith(refused)) return { code: 550, words: `5.1.1 <${address}> is unknown here` };
        return address.startsWith('relay') ? { code: 550, words: `5.7.1 <${address}> relaying denied` } : null;
      },
    });
    const file = join(mkdtempSync(join(tmpdir(), 'roster-')), 'smtp');
    writeFileSync(file, `smtp://roster%40example.com:p%2Fa%3As%20s@127.0.0.1:${office.port}\n`);
    app = await TestApp.start({
      database: await freshDatabase('smtp'),
      settings: {
        SMTP_URL_FILE: file,
        MAIL_FROM: 'Example Ltd <post@example.com>',
        PUBLIC_URL: 'https://id.example.com',
      },
      onLog: (line) => log.push(line),
    });
  });
  afterAll(async () => {
    await app.stop();
    await office.close();
  });

  it('goes out as text and as HTML, signed in, from the sender that is set', async () => {
    const email = `${unique('parts')}@example.com`;
    await sending(app)({ email, locale: 'en-GB' });
    const [arrived] = await office.awaitFor(email);
    expect(arrived).toMatchObject({ from: 'post@example.com', to: [email], user: 'roster@example.com' });
    expect(arrived!.mail).toMatchObject({
      subject: 'Welcome, Ada Lovelace',
      from: { name: 'Example Ltd', address: 'post@example.com' },
      to: [{ name: '', address: email }],
      attachments: [],
    });
    expect(arrived!.mail.text?.trimEnd().split(/\n+/)).toEqual([
      'Hello Ada Lovelace,',
      'your code is',
      '123456',
      'Accept the invitation:',
      LINK,
      'See you & yours soon.',
      '-- ',
      'Roster at id.example.com',
      'This message was sent automatically; replies are not read.',
    ]);
    const { html } = arrived!.mail;
    expect(html).toContain('<html lang="en"');
    expect(html).toMatch(/<p style="[^"]*font:700 32px[^"]*">123456<\/p>/);
    expect(html).toMatch(
      /<a href="https:\/\/id\.example\.com\/account\/invitation#token&#x3D;abc&amp;more" style="[^"]*">Accept the invitation<\/a>/,
    );
    expect(html).toContain('See you &amp; yours soon.');
    expect(html).toContain('Roster at id.example.com');
    expect(html).not.toMatch(/<table|<img|<script|class=/);
  });

  it.each(['de', 'de-AT', 'DE'])('is German for somebody whose locale is %s, the button at the end', async (locale) => {
    const email = `${unique('german')}@example.com`;
    await sending(app)({ email, locale });
    const { mail } = (await office.awaitFor(email))[0]!;
    expect(mail.subject).toBe('Willkommen, Ada Lovelace');
    expect(mail.text).toContain(`schöne Grüße\n\nEinladung annehmen:\n${LINK}\n`);
    expect(mail.text).toContain('Roster auf id.example.com');
    expect(mail.html).toContain('<html lang="de"');
    expect(mail.html).toContain('Guten Tag Ada Lovelace,');
  });

  it.each(['fr', 'den', 'en-DE', ''])('is English for somebody whose locale is "%s"', async (locale) => {
    const email = `${unique('other')}@example.com`;
    await sending(app)({ email, locale });
    expect((await office.awaitFor(email))[0]!.mail.subject).toBe('Welcome, Ada Lovelace');
  });

  it.each([
    ['de-DE', /^Ihr Code: \d{6}$/, 'Sie haben bereits ein Konto'],
    ['en', /^Your code: \d{6}$/, 'You already have an account'],
  ])('speaks %s at a registration, also to whom has an account', async (locale, first, second) => {
    const email = `${unique('register')}@example.com`;
    expect((await register(app, email, locale)).status).toBe(202);
    const [confirm] = await office.awaitFor(email);
    expect(confirm!.mail.subject).toMatch(first);
    const { email: known } = await app.people.user({ locale });
    expect((await register(app, known, 'fr')).status).toBe(202);
    const [exists] = await office.awaitFor(known);
    expect(exists!.mail.subject).toBe(second);
    expect(exists!.raw).not.toMatch(/\b\d{6}\b(?=\D*$)/);
  });

  it('says that a machine wrote it, under the id that the letter had in the queue', async () => {
    const email = `${unique('headers')}@example.com`;
    const ids: string[] = [];
    await app.get(Database).transaction(async () => {
      await app.get(Mail).send(Invitation, { email, locale: 'en' }, VALUES);
      const owed = await app
        .get(Database)
        .rows<{ id: string }>(
          `SELECT payload->>'id' AS id FROM graphile_worker._private_jobs WHERE payload::jsonb ? 'sealed'`,
        );
      ids.push(...owed.map(({ id }) => id));
    });
    const { mail } = (await office.awaitFor(email))[0]!;
    expect(ids.map((id) => `<${id}@example.com>`)).toContain(mail.messageId);
    expect(mail.headers).toContainEqual(expect.objectContaining({ key: 'auto-submitted', value: 'auto-generated' }));
  });

  it('S64 lets no line break in a name make a header, a recipient or a paragraph', async () => {
    const email = `${unique('crlf')}@example.com`;
    const name = 'Ada\r\nBcc: eve@example.com\r\n\r\n<b>Pay</b>\u2028now\u0085\u0000';
    await sending(app)({ email, locale: 'en' }, { name });
    const [arrived] = await office.awaitFor(email);
    expect(arrived!.to).toEqual([email]);
    expect(arrived!.mail.bcc).toBeUndefined();
    expect(arrived!.raw).not.toMatch(/^bcc:/im);
    expect(arrived!.mail.subject).toBe('Welcome, Ada Bcc: eve@example.com <b>Pay</b> now');
    expect(arrived!.mail.text).toContain('Hello Ada Bcc: eve@example.com <b>Pay</b> now ,\n');
    expect(arrived!.mail.html).toContain('&lt;b&gt;Pay&lt;/b&gt;');
  });

  it.each([
    ['with a plus and dots', (name: string) => `${name}.x+tag@example.com`],
    ["with an apostrophe and RFC 5322's other signs", (name: string) => `o'${name}#$&*/?=^_\`{|}~-@example.com`],
    ['with a capital', (name: string) => `${name}.Ada@example.com`],
  ])('A29 hands in exactly the stored address: one %s', async (_, addressOf) => {
    const email = addressOf(unique('exact'));
    await register(app, email);
    const [arrived] = await office.awaitFor(email);
    expect(arrived!.to).toEqual([email]);
    expect(arrived!.mail.to).toEqual([{ name: '', address: email }]);
  });

  it('A29 hands in an international domain as DNS knows it', async () => {
    const name = unique('idn');
    await register(app, `${name}@bücher.example`);
    // The server shows it as people do.
    const [arrived] = await office.awaitFor(`${name}@bücher.example`);
    expect(arrived!.raw).toContain(`To: ${name}@xn--bcher-kva.example\r\n`);
  });

  it('A29 hands in nothing for an address that our rules would refuse today', async () => {
    const before = [office.arrived.length, await counted(app, 'refused')];
    await sending(app)({ email: 'ada@evil.example (c) .example.com', locale: 'en' });
    await awaitOwed(app, 0);
    expect([office.arrived.length, await counted(app, 'refused')]).toEqual([before[0], before[1]! + 1]);
  });

  it('gives up an address that the server refuses for good, counts it, and does not log it', async () => {
    const email = `${refused}.ada@example.com`;
    const before = await counted(app, 'refused');
    await sending(app)({ email, locale: 'en' });
    await awaitOwed(app, 0);
    expect(await counted(app, 'refused')).toBe(before + 1);
    const line = log.find((text) => text.includes('refuses an address for good') && text.includes('5.1.1'));
    expect(JSON.parse(line!)).toMatchObject({ level: 'warn', part: 'mail', reply: '550 5.1.1' });
    expect(log.join('')).not.toContain(refused);
  });

  it('tries again when the refusal is about us, and keeps the address out of queue and log', async () => {
    const email = `${unique('relay')}@example.com`;
    await sending(app)({ email, locale: 'en' });
    const [letter] = await awaitOwed(app, 1, 1);
    expect(letter!.last_error).toContain('EENVELOPE at RCPT TO 550 5.7.1');
    expect(JSON.stringify(letter) + log.join('')).not.toContain(email);
    await app.sql('DELETE FROM graphile_worker._private_jobs');
  });

  it('costs for nobody what it costs for somebody, and then is dropped', async () => {
    const before = await counted(app, 'nobody');
    const lengths = await app.get(Database).transaction(async () => {
      for (const to of [
        null,
        { email: 'a@b.c', locale: 'de' },
        { email: `${unique('long')}@example.com`, locale: 'en' },
      ])
        await app.get(Mail).send(Invitation, to, VALUES);
      const rows = await app
        .get(Database)
        .rows<{ length: number }>('SELECT length(payload::text) AS length FROM graphile_worker._private_jobs');
      return rows.map(({ length }) => length);
    });
    expect(lengths).toHaveLength(3);
    expect(new Set(lengths).size).toBe(1);
    await awaitOwed(app, 0);
    expect(await counted(app, 'nobody')).toBe(before + 1);
  });

  it('leaves nothing in the development outbox', async () => {
    const email = `${unique('out')}@example.com`;
    const before = await counted(app, 'sent');
    await sending(app)({ email, locale: 'en' });
    await office.awaitFor(email);
    await awaitOwed(app, 0);
    expect(await counted(app, 'sent')).toBe(before + 1);
    expect(await app.sql('SELECT 1 FROM roster.mail_messages')).toEqual([]);
    expect(await mailTo(app, email)).toEqual([]);
  });
});

/** Whatever waited for a server that says nothing would take longer. Milliseconds. */
const SERVER_IS_WAITED_FOR = 4500;

describe('a mail server that is dead', () => {
  const open: (() => Promise<void>)[] = [];
  // What was opened last is closed first.
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  async function startApp(database: DatabaseAddress, port: number): Promise<TestApp> {
    const app = await TestApp.start({ database, settings: { SMTP_URL: `smtp://127.0.0.1:${port}` } });
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

  /** Registers several at once, and says how long the slowest waited. */
  async function slowest(app: TestApp, addresses: readonly string[]): Promise<number> {
    const times = addresses.map(async (address) => {
      const since = performance.now();
      expect((await register(app, address)).status).toBe(202);
      return performance.now() - since;
    });
    return Math.max(...(await Promise.all(times)));
  }

  it('refuses the connection: no request notices, and the mail arrives when it is back, once', async () => {
    const port = await emptyPort();
    const app = await startApp(await freshDatabase('smtp_refused'), port);
    const email = `${unique('back')}@example.com`;
    expect(await slowest(app, [email])).toBeLessThan(SERVER_IS_WAITED_FOR);
    const [letter] = await awaitOwed(app, 1, 1);
    expect(letter!.last_error).toContain('The mail server did not take a mail');
    const shown = JSON.stringify(letter) + Buffer.from(letter!.payload.sealed, 'base64').toString('latin1');
    for (const secret of [email, 'confirm-address', '"code"']) expect(shown).not.toContain(secret);
    const office = await openOffice(port);
    await passTime(app);
    const [arrived] = await office.awaitFor(email);
    expect(arrived!.mail.messageId).toBe(`<${letter!.payload.id}@localhost>`);
    expect(arrived!.from).toBe('noreply@localhost');
    await awaitOwed(app, 0);
    expect(office.arrived).toHaveLength(1);
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
    const app = await TestApp.start({ database: await freshDatabase('smtp_tls'), settings: { SMTP_URL } });
    open.push(() => app.stop());
    await register(app, `${unique('tls')}@example.com`);
    const [letter] = await awaitOwed(app, 1, 1);
    expect(letter!.last_error).toMatch(/STARTTLS/);
    expect([office.signIns, office.arrived.length]).toEqual([0, 0]);
  });

  it('does not hold up a stop, and the letter waits for the next process', async () => {
    const silent = await openSilent();
    const database = await freshDatabase('smtp_stop');
    const app = await TestApp.start({ database, settings: { SMTP_URL: `smtp://127.0.0.1:${silent.port}` } });
    const email = `${unique('stop')}@example.com`;
    await register(app, email);
    await silent.awaitCall();
    const since = performance.now();
    await app.stop();
    expect(performance.now() - since).toBeLessThan(4500);
    await silent.close();
    const office = await openOffice();
    const next = await startApp(database, office.port);
    await passTime(next);
    await office.awaitFor(email);
  });
});
