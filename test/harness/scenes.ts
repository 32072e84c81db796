import { Mfa } from '../../src/mfa/index.js';
import { TrustedDevices } from '../../src/mfa/trusted-devices.service.js';
import { invite } from '../auth/invitees.js';
import { awaitMail, codeIn } from '../mail/mailbox.js';
import { addApp, addPasskey, confirmApp, newPasskey } from '../mfa/enrolment.js';
import type { TestApp } from './app.js';
import { PASSWORD, unique } from './people.js';
import type { Person } from './people.js';

/** What an operation needs so that somebody honest is answered 2xx: a state of the world, and values that only it knows. */
export interface Scene {
  readonly id?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

type Setting = (app: TestApp, caller: Person, victim: Person) => Promise<Scene> | Scene;

const OTHER_PASSWORD = 'seven bridges over a quiet river';

/** By operationId; what is not named here needs no more than somebody who exists. */
const SETTINGS: Readonly<Record<string, Setting>> = {
  'problems.get': () => ({ id: 'not_found' }),
  'auth.login': (_app, { user }) => ({ body: { identifier: user.email, password: PASSWORD } }),
  'auth.refresh': (_app, { refreshToken }) => ({ body: { refreshToken } }),
  'auth.verifyEmail': async (app) => {
    const email = `${unique('g')}@example.com`;
    const body = { email, name: 'Grace Hopper', password: PASSWORD };
    const { body: started } = await app.send<{ flowId: string }>('POST', '/api/v1/auth/register', { body });
    const [mail] = await awaitMail(app, email);
    return { body: { flowId: started.flowId, code: codeIn(mail!) } };
  },
  'auth.acceptInvitation': async (app) => {
    const { invitation, code } = await invite(app, await app.people.admin());
    return { body: { flowId: invitation.flowId, code, password: OTHER_PASSWORD } };
  },
  'invitations.list': async (app) => {
    await withInvitation(app);
    await withInvitation(app);
    return {};
  },
  'invitations.get': withInvitation,
  'invitations.resend': withInvitation,
  'invitations.revoke': withInvitation,
  'me.changePassword': () => ({ body: { currentPassword: PASSWORD, newPassword: OTHER_PASSWORD } }),
  'factors.get': withApp,
  'factors.rename': withApp,
  'factors.remove': withApp,
  'factors.confirm': async (app, caller) => {
    const { id, code } = await addApp(app, caller);
    return { id, body: { code: code() } };
  },
  'recoveryCodes.make': async (app, caller) => {
    await confirmApp(app, caller);
    return {};
  },
  'passkeys.register': async (app, caller) => ({ body: await newPasskey(app, caller) }),
  'passkeys.get': withPasskey,
  'passkeys.rename': withPasskey,
  'passkeys.remove': withPasskey,
  'devices.remove': async (app, caller) => {
    await app.get(Mfa).trust(caller.id);
    const [device] = await app.get(TrustedDevices).list(caller.id);
    return { id: device!.id };
  },
  'users.restore': async (app, _caller, victim) => {
    await (await app.people.admin()).delete(`/api/v1/users/${victim.id}`);
    return {};
  },
};

async function withApp(app: TestApp, caller: Person): Promise<Scene> {
  return { id: (await addApp(app, caller)).id };
}

async function withPasskey(app: TestApp, caller: Person): Promise<Scene> {
  return { id: (await addPasskey(app, caller)).id };
}

async function withInvitation(app: TestApp): Promise<Scene> {
  const body = { email: `${unique('g')}@example.com`, name: 'Grace Hopper' };
  return { id: (await (await app.people.admin()).post<{ id: string }>('/api/v1/invitations', body)).body.id };
}

export async function sceneOf(operationId: string, app: TestApp, caller: Person, victim: Person): Promise<Scene> {
  return (await SETTINGS[operationId]?.(app, caller, victim)) ?? {};
}

/** Members that no two users may share, in a body that is otherwise an example. */
export function withUniqueMembers(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fresh: Record<string, () => string> = {
    email: () => `${unique('g')}@example.com`,
    username: () => unique('g'),
    externalId: () => unique('g-'),
  };
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, fresh[name] && value !== null ? fresh[name]() : value]),
  );
}
