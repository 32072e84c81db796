import { jest } from '@jest/globals';

import { permissions } from '../../src/platform/contract/permission.js';
import { operationsOf } from '../../src/platform/http/document.js';
import type { DocumentedOperation } from '../../src/platform/http/documented.js';
import { abreast } from '../harness/abreast.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { addressOf } from '../harness/scenes.js';

jest.setTimeout(300_000);

interface Row {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly policy: string;
  readonly body: unknown;
  /** Wants somebody who signed in a moment ago, or a session to end: no key will do. */
  readonly inPerson: boolean;
}

/**
 * Nobody is signed in · somebody without rights · the one the address names · every right but these · just these · an
 * administrator · their key with just these scopes · their key with every scope but these.
 */
const CALLERS = ['anonymous', 'user', 'themselves', 'all others', 'holder', 'admin', 'key', 'narrow key'] as const;
type Caller = (typeof CALLERS)[number];

/** What is served beside the document: pages, files, and the document itself. */
const BESIDE = [
  /^\/docs(\/|$)/,
  /^\/openapi\.(json|yaml)$/,
  /^\/dev\//,
  /^\/account\//,
  /^\/realtime/,
  /^\/problems/,
  /^\/$/,
  /^\/favicon\.ico$/,
];

/** What the guards say; a wrong password or a stale refresh token is the business of whoever was let through. */
const AT_THE_DOOR =
  /^(token_(missing|invalid|expired|revoked)|permission_denied|scope_insufficient|password_change_required)$/;

describe('who may call what (S54, S55)', () => {
  const routes: string[] = [];
  let app: TestApp;
  let rows: Row[];

  beforeAll(async () => {
    app = await TestApp.start({
      prepare: (fastify) =>
        fastify.addHook('onRoute', ({ method, url }) => {
          for (const each of [method].flat()) if (each !== 'HEAD' && each !== 'OPTIONS') routes.push(`${each} ${url}`);
        }),
    });
    rows = operationsOf(app.app.document).map(({ operation, method, path }) => rowOf(operation, method, path));
  });
  afterAll(() => app.stop());

  it('is said of every route that is served', () => {
    const documented = new Set(rows.map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`));
    const missing = routes.filter((route) => !documented.has(route));
    expect(missing.filter((route) => !BESIDE.some((known) => known.test(route.split(' ')[1]!)))).toEqual([]);
    expect(rows.length).toBe(documented.size);
    expect(documented.size).toBeGreaterThan(20);
  });

  it('holds for every operation and every caller, and whoever is refused changes nothing', async () => {
    const wrong: string[] = [];
    let asked = 0;
    await abreast(4, rows, async (row) => {
      for (const caller of CALLERS) {
        const fault = await trial(row, caller);
        asked += 1;
        if (fault) wrong.push(`${row.operationId} as ${caller}: ${fault}`);
      }
    });
    process.stdout.write(
      `\n${rows.length} operations × ${CALLERS.length} callers: ${asked} asked, ${wrong.length} wrong\n`,
    );
    expect(wrong).toEqual([]);
    // It grows with the document, and measures nothing.
  }, 300_000);

  async function trial(row: Row, caller: Caller): Promise<string | null> {
    const victim = await app.people.person();
    const person = await callerOf(caller, row, victim);
    const url = addressOf(row.path, { parameters: { code: 'not_found' } }, victim.id);
    const before = await stateOf(victim);
    const answer = await app.send<{ code?: string } | null>(row.method, url, { token: person?.token, body: row.body });
    const { status } = answer;
    const expected = expectationOf(row, caller);
    if (expected === 'let through')
      return AT_THE_DOOR.test(answer.body?.code ?? '') ? `${status} to whoever may` : null;
    if (status !== expected) return `${status}, not ${expected}`;
    return (await stateOf(victim)) === before ? null : 'was refused, and changed something';
  }

  function callerOf(caller: Caller, { policy }: Row, victim: Person): Promise<Person | null> {
    const needed = policy === 'authenticated' ? ['me'] : policy.split(' ');
    const all = [...permissions.keys()];
    const made: Record<Caller, () => Promise<Person | null>> = {
      anonymous: () => Promise.resolve(null),
      user: () => app.people.person(),
      themselves: () => Promise.resolve(victim),
      'all others': () => app.people.withPermissions(...all.filter((name) => !needed.includes(name))),
      holder: () => app.people.withPermissions(...all.filter((name) => needed.includes(name))),
      admin: () => app.people.admin(),
      key: async () => app.people.byKey(await app.people.admin(), policy === 'public' ? ['me'] : needed),
      'narrow key': async () => {
        const others = ['me', ...all].filter((name) => !needed.includes(name));
        return app.people.byKey(await app.people.admin(), others);
      },
    };
    return made[caller]();
  }

  /** Everything that is known of somebody, in one text. */
  async function stateOf({ id }: Person): Promise<string> {
    const [row] = await app.sql<{ state: string }>(
      `SELECT md5(concat(to_jsonb(u), (SELECT jsonb_agg(r ORDER BY r.role) FROM roster.user_roles r WHERE r.user_id = u.id),
         (SELECT jsonb_agg(g ORDER BY g.permission) FROM roster.user_permissions g WHERE g.user_id = u.id),
         (SELECT jsonb_agg(s ORDER BY s.id) FROM roster.sessions s WHERE s.user_id = u.id),
         (SELECT jsonb_agg(p) FROM roster.password_hashes p WHERE p.user_id = u.id))) AS state
       FROM roster.users u WHERE u.id = $1`,
      [id],
    );
    return row!.state;
  }
});

function rowOf(operation: DocumentedOperation, method: string, path: string): Row {
  const media = operation.requestBody?.content['application/json'];
  const body = media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
  return {
    operationId: operation.operationId,
    method: method.toUpperCase(),
    path,
    policy: operation['x-permission']!,
    body: operation.requestBody ? body : undefined,
    inPerson:
      operation['x-max-age'] !== undefined ||
      operation['x-in-person'] === true ||
      ['auth.logout', 'auth.stepUp'].includes(operation.operationId),
  };
}

function expectationOf({ policy, inPerson }: Row, caller: Caller): 401 | 403 | 'let through' {
  if (policy === 'public') return 'let through';
  if (caller === 'anonymous') return 401;
  if (caller === 'key') return inPerson ? 403 : 'let through';
  if (caller === 'narrow key') return 403;
  if (policy === 'authenticated' || caller === 'holder' || caller === 'admin') return 'let through';
  return 403;
}
