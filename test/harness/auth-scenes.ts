import { awaitMail, codeIn, tokenIn } from '../mail/mailbox.js';
import { addPasskey, asked, confirmApp } from '../mfa/enrolment.js';
import type { TestApp } from './app.js';
import { PASSWORD, unique } from './people.js';
import type { Scene, Setting } from './scene.js';

const OTHER_PASSWORD = 'seven bridges over a quiet river';

/** Begins something at a public door, and reads the mail. */
async function begun(app: TestApp, path: string, body: { email: string }, mails = 1): Promise<Scene> {
  const answer = await app.send<{ flowId: string }>('POST', `/api/v1/auth/${path}`, { body });
  const [mail] = await awaitMail(app, body.email, mails);
  return { body: { flowId: answer.body.flowId, code: codeIn(mail!) } };
}

/** Somebody at the second step of a sign-in. */
async function atSecondStep(app: TestApp): Promise<{ mfaToken: string; code: string }> {
  const person = await app.people.person();
  const { code } = await confirmApp(app, person);
  const body = { identifier: person.user.email, password: PASSWORD };
  const { body: due } = await app.send<{ mfaToken: string }>('POST', '/api/v1/auth/login', { body });
  return { mfaToken: due.mfaToken, code: code(1) };
}

/** What the operations of `auth` need so that somebody honest is answered 2xx. */
export const AUTH_SETTINGS: Readonly<Record<string, Setting>> = {
  'auth.login': (_app, { user }) => ({ body: { identifier: user.email, password: PASSWORD } }),
  'auth.refresh': (_app, { refreshToken }) => ({ body: { refreshToken } }),
  'auth.verifyEmail': (app) =>
    begun(app, 'register', { email: `${unique('g')}@example.com`, ...{ name: 'Grace Hopper', password: PASSWORD } }),
  'auth.resetPassword': async (app) => {
    const { email } = await app.people.user();
    const { body } = await begun(app, 'password/forgot', { email });
    return { body: { ...body, password: OTHER_PASSWORD } };
  },
  'auth.consumeMagicLink': async (app) => begun(app, 'magic-link', { email: (await app.people.user()).email }),
  'auth.revertEmail': async (app) => {
    const person = await app.people.person();
    await person.post('/api/v1/me/email', { email: `${unique('n')}@example.com` });
    const [mail] = await awaitMail(app, person.user.email);
    return { body: { token: tokenIn(mail!) } };
  },
  'auth.verifyFactor': async (app) => ({ body: { method: 'totp', ...(await atSecondStep(app)) } }),
  'auth.passkeyOptions': async (app) => ({ body: { mfaToken: (await atSecondStep(app)).mfaToken } }),
  'auth.verifyPasskey': async (app) => {
    const { authenticator } = await addPasskey(app, await app.people.person());
    const options = await app.send<{ challengeId: string; options: object }>('POST', '/api/v1/auth/passkeys/options', {
      body: {},
    });
    const { challengeId, options: request } = asked(options.body);
    return { body: { challengeId, response: authenticator.get(request) } };
  },
  'auth.stepUp': () => ({ body: { password: PASSWORD } }),
};
