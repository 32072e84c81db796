import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Mail } from '../../src/mail/index.js';
import { Database } from '../../src/platform/database/database.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import { awaitThat } from '../jobs/awaited.js';
import { Invitation, LINK, VALUES, register, sending } from './letters.js';
import { mailTo } from './mailbox.js';
import { PostOffice, awaitOwed, lettersOwed } from './post-office.js';

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
    ['de-DE', /^Bestätigen Sie Ihre Adresse$/, 'Sie haben bereits ein Konto'],
    ['en', /^Confirm your address$/, 'You already have an account'],
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
          `SELECT payload->>'id' AS id FROM roster.jobs WHERE name = 'mail.deliver' AND state = 'queued'`,
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
    // It may be tried once more just now.
    const forgotten = async () => {
      await app.sql("DELETE FROM roster.jobs WHERE name = 'mail.deliver' AND state IN ('queued', 'failed')");
      return lettersOwed(app);
    };
    await awaitThat(forgotten, ({ length }) => length === 0);
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
        .rows<{ length: number }>(
          "SELECT length(payload::text) AS length FROM roster.jobs WHERE name = 'mail.deliver' AND state = 'queued'",
        );
      return rows.map(({ length }) => length);
    });
    expect(lengths).toHaveLength(3);
    expect(new Set(lengths).size).toBe(1);
    await awaitOwed(app, 0);
    expect(await counted(app, 'nobody')).toBe(before + 1);
  });

  it('S29 writes neither link nor code into the log', async () => {
    const [email, token, code] = [`${unique('log')}@example.com`, unique('token'), unique('code')];
    await sending(app)({ email, locale: 'en' }, { link: `https://id.example.com/account/verify#${token}`, code });
    expect((await office.awaitFor(email))[0]!.mail.text).toContain(token);
    await awaitOwed(app, 0);
    expect(log.some((line) => line.includes('mail.deliver'))).toBe(true);
    for (const secret of [email, token, code]) expect(log.join('')).not.toContain(secret);
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
