import { TestApp } from '../harness/app.js';
import { PASSWORD } from '../harness/people.js';
import { awaitMail, mailTo } from '../mail/mailbox.js';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0';
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1';

describe('a sign-in from a new device', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  afterAll(() => app.stop());

  const login = async (identifier: string, userAgent: string): Promise<number> => {
    const body = { identifier, password: PASSWORD };
    return (await app.send('POST', '/api/v1/auth/login', { body, headers: { 'user-agent': userAgent } })).status;
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
    expect(await mailTo(app, email)).toHaveLength(1);
  });
});
