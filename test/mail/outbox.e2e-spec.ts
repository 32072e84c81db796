import { Mail, defineMail } from '../../src/mail/index.js';
import { Jobs } from '../../src/jobs/index.js';
import { Database } from '../../src/platform/database/database.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import { awaitMail, mailTo } from './mailbox.js';
import type { Message } from './mailbox.js';

const Greeting = defineMail<{ name: string }>('test-greeting', {
  en: { subject: 'Hello {{name}}', paragraphs: ['Hello {{name}},', 'how are you?'] },
  de: { subject: 'Hallo {{name}}', paragraphs: ['Guten Tag {{name}},', 'wie geht es Ihnen?'] },
});

const SIGNATURE = '\n\n-- \nRoster at 127.0.0.1:3000\nThis message was sent automatically; replies are not read.\n';

const PAGES = ['/dev/mail', '/dev/mail/messages', '/dev/mail/messages/01a1fb89-a690-7530-90c7-ac334b012900/html'];

describe('the development outbox', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase('outbox') });
  });
  afterAll(() => app.stop());

  const send = (email: string, name: string, locale = 'en') =>
    app.get(Database).transaction(() => app.get(Mail).send(Greeting, { email, locale }, { name }));

  it('shows each mail as JSON, newest first, and nobody keeps it', async () => {
    const address = `${unique('json')}@example.com`;
    await send(address, 'Ada');
    await awaitMail(app, address);
    await send(address, 'Grace');
    await awaitMail(app, address, 2);
    const answer = await app.send<Message[]>('GET', '/dev/mail/messages');
    const [newest, older] = answer.body.filter(({ to }) => to === address);
    expect(newest).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      to: address,
      subject: 'Hello Grace',
      text: `Hello Grace,\n\nhow are you?${SIGNATURE}`,
      html: expect.stringMatching(/<p [^>]*>Hello Grace,<\/p>\n<p [^>]*>how are you\?<\/p>/) as string,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    });
    expect(older!.subject).toBe('Hello Ada');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
  });

  it('escapes values in HTML and on the page, and not in plain text', async () => {
    const address = `${unique('html')}@example.com`;
    const name = '<script>alert("1")</script>&';
    await send(address, name);
    const [mail] = await awaitMail(app, address);
    expect(mail).toMatchObject({ subject: `Hello ${name}`, text: `Hello ${name},\n\nhow are you?${SIGNATURE}` });
    expect(mail!.html).toContain('>Hello &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;,</p>');
    const page = await app.send('GET', '/dev/mail');
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.text).toContain(address);
    expect(page.text).not.toContain('<script>alert');
  });

  it('shows the HTML of a mail in a sandbox of its own', async () => {
    const address = `${unique('frame')}@example.com`;
    await send(address, 'Ada', 'de-CH');
    const [mail] = await awaitMail(app, address);
    const url = `/dev/mail/messages/${mail!.id}/html`;
    const page = await app.send('GET', '/dev/mail');
    expect(page.text).toContain(`<iframe sandbox src="${url}"`);
    expect(page.headers['content-security-policy']).toContain("frame-src 'self'");
    const answer = await app.send('GET', url);
    expect(answer).toMatchObject({
      status: 200,
      text: mail!.html,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox",
      },
    });
    expect(answer.text).toContain('wie geht es Ihnen?');
    const nobody = await app.send('GET', '/dev/mail/messages/01a1fb89-a690-7530-90c7-ac334b012900/html');
    expect(nobody).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await app.send('GET', '/dev/mail/messages/1/html')).status).toBe(400);
  });

  it('S64 keeps a line break in a value out of the subject', async () => {
    const address = `${unique('crlf')}@example.com`;
    await send(address, 'Ada\r\nBcc: eve@example.com\u2028x');
    const [mail] = await awaitMail(app, address);
    expect(mail!.subject).toBe('Hello Ada Bcc: eve@example.com x');
  });

  it('owes the mail in the transaction: none is sent of one that was rolled back', async () => {
    const address = `${unique('rolled')}@example.com`;
    const rolledBack = app.get(Database).transaction(async () => {
      await app.get(Mail).send(Greeting, { email: address, locale: 'en' }, { name: 'Nobody' });
      throw new Error('on purpose');
    });
    await expect(rolledBack).rejects.toThrow('on purpose');
    const after = `${unique('after')}@example.com`;
    await send(after, 'Ada');
    await awaitMail(app, after);
    expect(await mailTo(app, address)).toEqual([]);
  });

  it('keeps neither address nor content in the queue, and a job that runs twice leaves one mail', async () => {
    const address = `${unique('queue')}@example.com`;
    const queued: { payload: { id: string; sealed: string } }[] = [];
    await app.get(Database).transaction(async () => {
      await app.get(Mail).send(Greeting, { email: address, locale: 'en' }, { name: 'Secret 123456' });
      queued.push(
        ...(await app
          .get(Database)
          .rows<{ payload: { id: string; sealed: string } }>(
            "SELECT payload FROM roster.jobs WHERE name = 'mail.deliver' AND state = 'queued'",
          )),
      );
    });
    expect(queued).toHaveLength(1);
    const { payload } = queued[0]!;
    expect(Object.keys(payload)).toEqual(['id', 'sealed']);
    const sealed = Buffer.from(payload.sealed, 'base64').toString('latin1');
    for (const secret of [address, '123456', 'test-greeting']) expect(sealed).not.toContain(secret);
    await awaitMail(app, address);
    const { handler } = app.get(Jobs).known().get('mail.deliver')!;
    await handler(payload as never, null as never);
    await handler(payload as never, null as never);
    expect(await mailTo(app, address)).toHaveLength(1);
    await expect(
      handler({ ...payload, id: '01a1fb89-a690-7530-90c7-ac334b01292e' } as never, null as never),
    ).rejects.toThrow('cannot be opened');
  });

  it.each([
    ['a foreign Host', { headers: { host: 'roster.example' } }],
    ['a foreign Host that begins like ours', { headers: { host: 'localhost.evil.example' } }],
    ['a foreign Host with our port', { headers: { host: '127.0.0.1.evil.example:3000' } }],
    ['another machine', { remoteAddress: '192.0.2.7' }],
    [
      'another machine that says it is ours',
      { remoteAddress: '192.0.2.7', headers: { 'x-forwarded-for': '127.0.0.1' } },
    ],
  ])('is not there for %s', async (_who, options) => {
    for (const url of PAGES) {
      const answer = await app.app.fastify.inject({ url, ...options });
      expect(answer.statusCode).toBe(404);
      expect(answer.json()).toMatchObject({ code: 'not_found' });
    }
  });

  it.each(['localhost', 'localhost:3000', '127.0.0.1:3000', '[::1]:3000'])('is there for the Host %s', async (host) => {
    for (const remoteAddress of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
      expect((await app.app.fastify.inject({ url: '/dev/mail', remoteAddress, headers: { host } })).statusCode).toBe(
        200,
      );
  });

  it('is not there in production', async () => {
    const production = await TestApp.start({
      database: app.ground.address,
      settings: {
        NODE_ENV: 'production',
        SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
        PUBLIC_URL: 'http://127.0.0.1:3000',
      },
    });
    for (const url of PAGES) expect((await production.send('GET', url)).status).toBe(404);
    await production.stop();
  });

  it('forgets mails after a week', async () => {
    const address = `${unique('old')}@example.com`;
    await send(address, 'Ada');
    await awaitMail(app, address);
    const { handler } = app.get(Jobs).known().get('mail.prune')!;
    await handler(undefined as never, null as never);
    expect(await mailTo(app, address)).toHaveLength(1);
    app.clock.advance(7 * 24 * 3_600_000 + 1000);
    await handler(undefined as never, null as never);
    expect(await mailTo(app, address)).toEqual([]);
    app.clock.advance(-7 * 24 * 3_600_000 - 1000);
  });
});
