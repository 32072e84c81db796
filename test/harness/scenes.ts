import { Jobs } from '../../src/jobs/index.js';
import { Mfa } from '../../src/mfa/index.js';
import { TrustedDevices } from '../../src/mfa/trusted-devices.service.js';
import { newId } from '../../src/platform/crypto/tokens.js';
import { everythingCopied } from '../audit/copied.js';
import { invite } from '../auth/invitees.js';
import { addApp, addPasskey, confirmApp, newPasskey } from '../mfa/enrolment.js';
import type { TestApp } from './app.js';
import { AUTH_SETTINGS } from './auth-scenes.js';
import { PASSWORD, unique } from './people.js';
import type { Person } from './people.js';
import type { Scene, Setting } from './scene.js';
import { WEBHOOK_SETTINGS } from './webhook-scenes.js';

/** A role that nobody has. */
const aRole: Setting = async (app) => {
  const body = { name: unique('role_'), about: 'For a test', permissions: ['users:read'] };
  const made = await (await app.people.admin()).post<{ id: string }>('/api/v1/roles', body);
  return { id: made.body.id };
};

const OTHER_PASSWORD = 'seven bridges over a quiet river';

/** By operationId; what is not named here needs no more than somebody who exists. */
const SETTINGS: Readonly<Record<string, Setting>> = {
  'audit.get': async (app) => ({ id: await everythingCopied(app) }),
  'audit.list': logged,
  'me.securityLog': logged,
  'events.get': async (app) => {
    const { id } = await app.people.user();
    const [fact] = await app.sql<{ id: string }>('SELECT id FROM roster.events WHERE subject = $1', [`users/${id}`]);
    return { id: fact!.id };
  },
  'problems.get': () => ({ parameters: { code: 'not_found' } }),
  ...AUTH_SETTINGS,
  ...WEBHOOK_SETTINGS,
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
  'jobs.list': async (app) => {
    await waitingJob(app);
    return waitingJob(app);
  },
  'jobs.get': waitingJob,
  'jobs.cancel': waitingJob,
  'jobs.retry': cancelledJob,
  'jobs.stream': cancelledJob,
  'jobs.run': () => ({ parameters: { name: 'jobs.prune' } }),
  'imports.list': async (app) => {
    await anImport(app, 'completed');
    return anImport(app, 'completed');
  },
  'imports.get': (app) => anImport(app, 'completed'),
  'imports.rows': (app) => anImport(app, 'completed'),
  'imports.stream': (app) => anImport(app, 'completed'),
  'imports.cancel': (app) => anImport(app, 'running'),
  'exports.get': anExport,
  'exports.file': anExport,
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
  'roles.create': () => ({ body: { name: unique('role_'), permissions: ['users:read'] } }),
  'roles.get': aRole,
  'roles.patch': aRole,
  'roles.delete': aRole,
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

async function waitingJob(app: TestApp): Promise<Scene> {
  const jobs = app.get(Jobs);
  const { type } = jobs.known().get('jobs.prune')!;
  return { id: await jobs.enqueue(type, {}, { runAt: new Date(Date.now() + 3_600_000) }) };
}

async function cancelledJob(app: TestApp): Promise<Scene> {
  const { id } = await waitingJob(app);
  await app.get(Jobs).cancel(id!);
  return { id };
}

async function withInvitation(app: TestApp): Promise<Scene> {
  const body = { email: `${unique('g')}@example.com`, name: 'Grace Hopper' };
  return { id: (await (await app.people.admin()).post<{ id: string }>('/api/v1/invitations', body)).body.id };
}

/** As some process would have left it, with a report of two rows; nobody is at work on it. */
async function anImport(app: TestApp, state: 'running' | 'completed'): Promise<Scene> {
  const [id, finishedAt] = [newId(), state === 'completed' ? new Date() : null];
  await app.sql(
    `INSERT INTO roster.imports (id, state, format, on_conflict, dry_run, bytes, rows, position, created, updated, skipped, failed,
       created_at, updated_at, finished_at, version) VALUES ($1, $2, 'roster', 'skip', false, 64, 3, 2, 1, 0, 0, 1, now(), now(), $3, 1)`,
    [id, state, finishedAt],
  );
  await app.sql(
    `INSERT INTO roster.import_rows (import_id, number, id, line, status, user_id, code, pointer, detail)
     VALUES ($1, 1, $2, 2, 'created', $3, NULL, NULL, NULL), ($1, 2, $4, 3, 'failed', NULL, 'email_invalid', '/email', 'must be one')`,
    [id, newId(), newId(), newId()],
  );
  return { id };
}

async function anExport(app: TestApp): Promise<Scene> {
  const id = newId();
  await app.sql(
    `INSERT INTO roster.exports (id, state, format, rows, bytes, chunks, created_at, updated_at, finished_at, version)
     VALUES ($1, 'completed', 'csv', 0, 4, 1, now(), now(), now(), 1)`,
    [id],
  );
  await app.sql("INSERT INTO roster.export_chunks (export_id, number, bytes) VALUES ($1, 1, 'id\r\n')", [id]);
  return { id };
}

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

async function logged(app: TestApp): Promise<Scene> {
  await everythingCopied(app);
  return {};
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
