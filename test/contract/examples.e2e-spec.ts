import { operationsOf } from '../../src/platform/http/document.js';
import { TestApp } from '../harness/app.js';
import { PASSWORD, unique } from '../harness/people.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { sceneOf } from '../harness/scenes.js';
import { aWebhook } from '../harness/webhook-scenes.js';
import { invite } from '../auth/invitees.js';
import { awaitMail, codeIn, tokenIn } from '../mail/mailbox.js';
import { addApp, addPasskey, confirmApp, newPasskey } from '../mfa/enrolment.js';

interface Example {
  readonly summary: string;
  readonly value: Record<string, unknown>;
}

/** Of which there is one example, for nothing can be chosen in them. */
const ALONE = [
  'auth.forgotPassword',
  'auth.resendVerification',
  'auth.revertEmail',
  'auth.sendMagicLink',
  'auth.verifyPasskey',
  'factors.confirm',
  'invitations.resend',
  'me.changeEmail',
  'passkeys.register',
  'users.resetFactors',
  'users.sendPasswordReset',
];

interface Try {
  readonly url: string;
  readonly token?: string;
  /** What no example can know: a code of a mail, a token of this server. */
  readonly known?: Record<string, unknown>;
}

/** Sent as they stand, in a house where nobody lives yet: whoever clicks "Execute" gets what the example says. */
describe('the examples of requests', () => {
  let app: TestApp;
  let admin: Person;

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase(`examples_${process.env['JEST_WORKER_ID']}`) });
    admin = await app.people.admin();
  });
  afterAll(() => app.stop());

  const CORRECT = 'correct horse battery staple';
  const byAdmin = (url: string): Try => ({ url, token: admin.token });
  let last: string | undefined;
  /** Somebody new for each example; the one before leaves, so that none stands in the way of another. */
  const aUser = async (path: (id: string) => string): Promise<Try> => {
    if (last) await admin.delete(`/api/v1/users/${last}`);
    last = (await app.people.user()).id;
    return byAdmin(path(last));
  };

  const aKey = async (url: string): Promise<string> =>
    (await admin.post<{ id: string }>(url, { name: 'Nightly export', scopes: ['me'] })).body.id;

  /** Whoever had this address is deleted, and their names are free again. */
  const leave = async (email: string): Promise<void> => {
    const filter = encodeURIComponent(`email eq "${email}"`);
    const { body } = await admin.get<{ data: { id: string }[] }>(`/api/v1/users?filter=${filter}`);
    for (const { id } of body.data) await admin.delete(`/api/v1/users/${id}`);
  };

  /** An id that is somebody's, where the example names one. */
  const aboutSomebody = async ({ value }: Example): Promise<{ known?: Record<string, unknown> }> =>
    'userId' in value ? { known: { userId: (await app.people.user()).id } } : {};

  const inScene = async (operationId: string, url: string): Promise<Try> => {
    const { body } = await sceneOf(operationId, app, admin, admin);
    return { url, known: body };
  };

  /** Begun at a door, and ended by its mail: by the link or the code, as the example does. */
  const byMail = async (door: string, url: string, value: object): Promise<Try> => {
    const { email } = await app.people.user();
    const { body } = await app.send<{ flowId: string }>('POST', `/api/v1/auth/${door}`, { body: { email } });
    const [mail] = await awaitMail(app, email);
    return { url, known: 'token' in value ? { token: tokenIn(mail!) } : { ...body, code: codeIn(mail!) } };
  };

  /** How each operation that takes a body is tried; one that is missing here fails. */
  const TRIES: Record<string, (example: Example) => Promise<Try>> = {
    'auth.register': async () => ({ url: '/api/v1/auth/register' }),
    'auth.verifyEmail': async ({ value }) => {
      const email = `${unique('joan')}@example.com`;
      const body = { email, password: PASSWORD };
      const { body: flow } = await app.send<{ flowId: string }>('POST', '/api/v1/auth/register', { body });
      const [mail] = await awaitMail(app, email);
      const byLink = { token: tokenIn(mail!), password: PASSWORD };
      const known = 'token' in value ? byLink : { flowId: flow.flowId, code: codeIn(mail!) };
      return { url: '/api/v1/auth/email/verify', known };
    },
    'auth.resendVerification': async () => ({ url: '/api/v1/auth/email/resend' }),
    'auth.forgotPassword': async () => ({ url: '/api/v1/auth/password/forgot' }),
    'auth.sendMagicLink': async () => ({ url: '/api/v1/auth/magic-link' }),
    'auth.passkeyOptions': async ({ value }) => {
      const { body } = await sceneOf('auth.passkeyOptions', app, admin, admin);
      return { url: '/api/v1/auth/passkeys/options', known: 'mfaToken' in value ? body : {} };
    },
    'auth.verifyPasskey': () => inScene('auth.verifyPasskey', '/api/v1/auth/passkeys/verify'),
    'auth.verifyFactor': async ({ value }) => {
      const person = await app.people.person();
      const { code, recoveryCodes } = await confirmApp(app, person);
      const body = { identifier: person.user.email, password: PASSWORD };
      const { body: due } = await app.send<{ mfaToken: string }>('POST', '/api/v1/auth/login', { body });
      const shown = value['method'] === 'totp' ? code(1) : recoveryCodes[0];
      return { url: '/api/v1/auth/mfa/verify', known: { mfaToken: due.mfaToken, code: shown } };
    },
    'auth.consumeMagicLink': async ({ value }) => byMail('magic-link', '/api/v1/auth/magic-link/consume', value),
    'auth.resetPassword': async ({ value }) => byMail('password/forgot', '/api/v1/auth/password/reset', value),
    'auth.revertEmail': () => inScene('auth.revertEmail', '/api/v1/auth/email/revert'),
    'auth.stepUp': async ({ value }) => {
      const person = await app.people.person();
      const url = '/api/v1/auth/step-up';
      if ('password' in value) return { url, token: person.token, known: { password: PASSWORD } };
      return { url, token: person.token, known: { code: (await confirmApp(app, person)).code(1) } };
    },
    'me.changeEmail': async () => ({ url: '/api/v1/me/email', token: (await app.people.person()).token }),
    'users.impersonate': () => aUser((id) => `/api/v1/users/${id}/impersonation`),
    'users.resetFactors': () => aUser((id) => `/api/v1/users/${id}/factors/reset`),
    'users.sendPasswordReset': () => aUser((id) => `/api/v1/users/${id}/password-reset`),
    'auth.login': async () => {
      const ada = { email: 'ada@example.com', username: 'ada', name: 'Ada Lovelace', password: CORRECT };
      await admin.post('/api/v1/users', ada);
      return { url: '/api/v1/auth/login' };
    },
    'auth.refresh': async () => {
      const { refreshToken } = await app.people.person();
      return { url: '/api/v1/auth/refresh', known: { refreshToken } };
    },
    'auth.acceptInvitation': async ({ value: { token } }) => {
      const { invitation, ...proofs } = await invite(app, admin);
      const known = token ? { token: proofs.token } : { flowId: invitation.flowId, code: proofs.code };
      return { url: '/api/v1/auth/invitations/accept', known };
    },
    'invitations.create': async ({ value: { email } }) => {
      await leave(String(email));
      return byAdmin('/api/v1/invitations');
    },
    'invitations.resend': async () => {
      const { invitation } = await invite(app, admin);
      return byAdmin(`/api/v1/invitations/${invitation.id}/resend`);
    },
    'me.changePassword': async () => {
      const user = { email: `${unique('p')}@example.com`, name: 'Grace Hopper', password: CORRECT };
      await admin.post('/api/v1/users', user);
      const credentials = { identifier: user.email, password: CORRECT };
      const { body } = await app.send<{ accessToken: string }>('POST', '/api/v1/auth/login', { body: credentials });
      return { url: '/api/v1/me/password', token: body.accessToken };
    },
    'me.patch': async () => ({ url: '/api/v1/me', token: (await app.people.person()).token }),
    'factors.add': async () => ({ url: '/api/v1/me/mfa/factors', token: (await app.people.person()).token }),
    'factors.rename': async () => {
      const person = await app.people.person();
      return { url: `/api/v1/me/mfa/factors/${(await addApp(app, person)).id}`, token: person.token };
    },
    'factors.confirm': async () => {
      const person = await app.people.person();
      const { id, code } = await addApp(app, person);
      const url = `/api/v1/me/mfa/factors/${id}/confirmation`;
      return { url, token: person.token, known: { code: code() } };
    },
    'passkeys.register': async () => {
      const person = await app.people.person();
      return { url: '/api/v1/me/passkeys', token: person.token, known: await newPasskey(app, person) };
    },
    'passkeys.rename': async () => {
      const person = await app.people.person();
      return { url: `/api/v1/me/passkeys/${(await addPasskey(app, person)).id}`, token: person.token };
    },
    'me.nameSession': async () => {
      const { token, sessionId } = await app.people.person();
      return { url: `/api/v1/me/sessions/${sessionId}`, token };
    },
    'me.createToken': async () => ({ url: '/api/v1/me/tokens', token: (await app.people.person()).token }),
    'me.renameToken': async () => byAdmin(`/api/v1/me/tokens/${await aKey('/api/v1/me/tokens')}`),
    'me.rotateToken': async () => byAdmin(`/api/v1/me/tokens/${await aKey('/api/v1/me/tokens')}/rotation`),
    'apiKeys.create': async () => byAdmin('/api/v1/api-keys'),
    'apiKeys.rename': async () => byAdmin(`/api/v1/api-keys/${await aKey('/api/v1/api-keys')}`),
    'apiKeys.rotate': async () => byAdmin(`/api/v1/api-keys/${await aKey('/api/v1/api-keys')}/rotation`),
    'imports.create': async () => byAdmin('/api/v1/imports'),
    'exports.create': async () => byAdmin('/api/v1/exports'),
    'users.endSessions': () => aUser((id) => `/api/v1/users/${id}/sessions/revocation`),
    'users.create': async ({ value: { email } }) => {
      await leave(String(email));
      return byAdmin('/api/v1/users');
    },
    'users.replace': async () => {
      await leave('ada@example.com');
      return aUser((id) => `/api/v1/users/${id}`);
    },
    'users.patch': () => aUser((id) => `/api/v1/users/${id}`),
    'users.suspend': () => aUser((id) => `/api/v1/users/${id}/suspension`),
    'users.assignRoles': () => aUser((id) => `/api/v1/users/${id}/roles`),
    'users.grantPermissions': () => aUser((id) => `/api/v1/users/${id}/permissions`),
    'roles.create': async () => byAdmin('/api/v1/roles'),
    'roles.patch': async () => {
      const { body } = await admin.post<{ id: string }>('/api/v1/roles', { name: unique('role_') });
      return byAdmin(`/api/v1/roles/${body.id}`);
    },
    'webhooks.create': async () => byAdmin('/api/v1/webhooks'),
    'webhooks.patch': async () => byAdmin(`/api/v1/webhooks/${await aWebhook(app)}`),
    'webhooks.rotateSecret': async () => byAdmin(`/api/v1/webhooks/${await aWebhook(app)}/secret`),
    'webhooks.replay': async () => byAdmin(`/api/v1/webhooks/${await aWebhook(app)}/replay`),
    'access.check': async (example) => ({ ...byAdmin('/api/v1/access/check'), ...(await aboutSomebody(example)) }),
    'access.explain': async (example) => ({ ...byAdmin('/api/v1/access/explain'), ...(await aboutSomebody(example)) }),
  };

  const examples = (): { id: string; method: string; type: string; example: Example }[] =>
    operationsOf(app.app.document).flatMap(({ method, operation }) =>
      Object.entries(operation.requestBody?.content ?? {})
        .filter(([type]) => /[/+]json$/.test(type))
        .flatMap(([type, { examples: named = {} }]) =>
          Object.values(named).map((example) => ({
            id: operation.operationId,
            method,
            type,
            example: example as Example,
          })),
        ),
    );

  it('are named, and several where there is more than one thing to show', () => {
    const count = new Map<string, number>();
    for (const { id, type } of examples()) if (type === 'application/json') count.set(id, (count.get(id) ?? 0) + 1);
    expect([...count.keys()].sort()).toEqual(Object.keys(TRIES).sort());
    const alone = [...count].filter(([, named]) => named < 2).map(([id]) => id);
    expect(alone.sort()).toEqual(ALONE);
    const withBody = operationsOf(app.app.document).filter(({ operation }) => operation.requestBody);
    expect(withBody.map(({ operation }) => operation.operationId).sort()).toEqual(Object.keys(TRIES).sort());
  });

  it('each do what they say', async () => {
    const answers = [];
    for (const { id, method, type, example } of examples()) {
      const { url, token, known } = await TRIES[id]!(example);
      const answer = await app.send<{ code?: string }>(method.toUpperCase(), url, {
        token,
        body: { ...example.value, ...known },
        headers: { 'content-type': type },
      });
      answers.push([id, type, example.summary, answer.status < 300 ? 'done' : `${answer.status} ${answer.text}`]);
    }
    expect(answers.filter(([, , , outcome]) => outcome !== 'done')).toEqual([]);
    expect(answers.length).toBeGreaterThan(20);
  });
});
