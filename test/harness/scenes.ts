import { awaitMail, codeIn } from '../mail/mailbox.js';
import type { TestApp } from './app.js';
import { PASSWORD, unique } from './people.js';
import type { Person } from './people.js';

/** What an operation needs so that somebody honest is answered 2xx: a state of the world, and values that only it knows. */
export interface Scene {
  readonly id?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

type Setting = (app: TestApp, caller: Person, victim: Person) => Promise<Scene> | Scene;

/** A role that nobody has. */
const aRole: Setting = async (app) => {
  const body = { name: unique('role_'), about: 'For a test', permissions: ['users:read'] };
  const made = await (await app.people.admin()).post<{ id: string }>('/api/v1/roles', body);
  return { id: made.body.id };
};

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
  'me.changePassword': () => ({ body: { currentPassword: PASSWORD, newPassword: OTHER_PASSWORD } }),
  'roles.create': () => ({ body: { name: unique('role_'), permissions: ['users:read'] } }),
  'roles.get': aRole,
  'roles.patch': aRole,
  'roles.delete': aRole,
  'users.restore': async (app, _caller, victim) => {
    await (await app.people.admin()).delete(`/api/v1/users/${victim.id}`);
    return {};
  },
};

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
