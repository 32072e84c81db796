import { awaitMail, codeIn } from '../mail/mailbox.js';
import type { TestApp } from './app.js';
import { PASSWORD, unique } from './people.js';
import type { Person } from './people.js';

/** What an operation needs so that somebody honest is answered 2xx: a state of the world, and values that only it knows. */
export interface Scene {
  /** The `{id}` of the path; else the victim's. */
  readonly id?: string;
  /** Other parameters of the path, by their names. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
}

type Setting = (app: TestApp, caller: Person, victim: Person) => Promise<Scene> | Scene;

const OTHER_PASSWORD = 'seven bridges over a quiet river';

/** By operationId; what is not named here needs no more than somebody who exists. */
const SETTINGS: Readonly<Record<string, Setting>> = {
  'problems.get': () => ({ parameters: { code: 'not_found' } }),
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
  'me.nameSession': async (app, { user }) => ({ id: (await app.people.signIn(user)).sessionId }),
  'me.endSession': async (app, { user }) => ({ id: (await app.people.signIn(user)).sessionId }),
  'me.token': async (_app, caller) => ({ id: await aKey(caller, '/me/tokens') }),
  'me.renameToken': async (_app, caller) => ({ id: await aKey(caller, '/me/tokens') }),
  'me.revokeToken': async (_app, caller) => ({ id: await aKey(caller, '/me/tokens') }),
  'me.rotateToken': async (_app, caller) => ({ id: await aKey(caller, '/me/tokens') }),
  'apiKeys.list': async (_app, caller) => {
    for (let keys = 0; keys < 2; keys += 1) await aKey(caller, '/me/tokens');
    return {};
  },
  'apiKeys.get': async (_app, caller) => ({ id: await aKey(caller, '/api-keys') }),
  'apiKeys.rename': async (_app, caller) => ({ id: await aKey(caller, '/api-keys') }),
  'apiKeys.revoke': async (_app, caller) => ({ id: await aKey(caller, '/api-keys') }),
  'apiKeys.rotate': async (_app, caller) => ({ id: await aKey(caller, '/api-keys') }),
  'users.endSession': (_app, _caller, victim) => ({ parameters: { sessionId: victim.sessionId } }),
  'users.restore': async (app, _caller, victim) => {
    await (await app.people.admin()).delete(`/api/v1/users/${victim.id}`);
    return {};
  },
};

/** The address of an operation in a scene. @param victimId what stands for a parameter that the scene does not name */
export function addressOf(path: string, { id, parameters = {} }: Scene, victimId: string): string {
  const values: Readonly<Record<string, string>> = { ...(id === undefined ? {} : { id }), ...parameters };
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? victimId));
}

/** The names of the ids in a path. */
export function idsIn(path: string): string[] {
  return [...path.matchAll(/\{(\w*id)\}/gi)].map(([, name]) => name!);
}

/** A key of somebody who is signed in; kind by kind at its own address. */
async function aKey(person: Person, path: string, scopes: string[] = ['me']): Promise<string> {
  const { body } = await person.post<{ id: string }>(`/api/v1${path}`, { name: unique('Key '), scopes });
  return body.id;
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
