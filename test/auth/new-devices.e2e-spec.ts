import { TestApp } from '../harness/app.js';
import { PASSWORD } from '../harness/people.js';
import { awaitMail } from '../mail/mailbox.js';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0';
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1';

describe('a sign-in from a new device', () => {
  let app: TestApp;

  beforeAll(async () => {
    // Whoever asks may say where they are.
    app = await TestApp.start({ settings: { TRUST_PROXY: '1' } });
  });
  afterAll(() => app.stop());

  const login = async (identifier: string, userAgent: string, from = '198.51.100.9'): Promise<number> => {
    const body = { identifier, password: PASSWORD };
    const headers = { 'user-agent': userAgent, 'x-forwarded-for': from };
    return (await app.send('POST', '/api/v1/auth/login', { body, headers })).status;
  };

  it('S17 is told to the owner, with the device; the first of all and known ones are not', async () => {
    const { email } = await app.people.user({ locale: 'de-AT' });
    expect(await login(email, FIREFOX)).toBe(200);
    expect(await login(email, FIREFOX)).toBe(200);
    expect(await login(email, SAFARI)).toBe(200);
    expect(await login(email, SAFARI)).toBe(200);
    const [mail] = await awaitMail(app, email);
    expect(mail).toMatchObject({ subject: 'Anmeldung von einem neuen Gerät' });
    expect(mail!.text).toContain('Safari on iPhone');
    expect(await awaitMail(app, email)).toHaveLength(1);
  });

  it('S17 is told of a thief with the same browser elsewhere (regressed: the text of the browser alone was known)', async () => {
    const { email } = await app.people.user();
    await login(email, FIREFOX, '203.0.113.1');
    await login(email, FIREFOX, '198.51.100.9');
    const [mail] = await awaitMail(app, email);
    expect(mail!.text).toContain('Firefox on Linux');
    await login(email, FIREFOX, '198.51.100.9');
    await login(email, FIREFOX, '2001:db8::1');
    expect(await awaitMail(app, email, 2)).toHaveLength(2);
  });

  it('is not told of a newer version, nor of a neighbouring address (regressed: each update was a new device)', async () => {
    const { email } = await app.people.user();
    await login(email, FIREFOX, '203.0.113.1');
    await login(email, FIREFOX.replaceAll('150.0', '151.0'), '203.0.7.200');
    // Only of what is strange: this one is the first to be mailed.
    await login(email, SAFARI, '203.0.113.1');
    const mails = await awaitMail(app, email);
    expect(mails.map(({ text }) => text.includes('Safari on iPhone'))).toEqual([true]);
  });
});
