import { randomUUID } from 'node:crypto';

import { operationsOf } from '../../src/platform/http/document.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { unique } from '../harness/people.js';
import { addressOf, sceneOf, withUniqueMembers } from '../harness/scenes.js';
import { NDJSON, handIn, ndjson, over } from '../imports/files.js';
import { Statements } from '../security/statements.js';

interface Told {
  readonly subject: string;
  readonly version: number;
  readonly type: string;
}

/** The facts of subjects whose versions go down from one fact to the next. */
function outOfOrder(facts: readonly Told[]): string[] {
  const last = new Map<string, number>();
  return facts.flatMap(({ subject, version, type }) => {
    const before = last.get(subject) ?? 0;
    last.set(subject, version);
    return version < before ? [`${type} of ${subject}: ${version} after ${before}`] : [];
  });
}

describe('the facts of a subject', () => {
  const statements = new Statements();
  let apps: [TestApp, TestApp];

  beforeAll(async () => {
    // Many want the same row at once: some wait for longer than a request may on a busy machine.
    apps = [await TestApp.start(), await TestApp.start()];
  });
  afterAll(async () => {
    for (const app of apps) await app.stop();
    statements.restore();
  });

  const told = (subject: string): Promise<Told[]> =>
    apps[0].sql<Told>(
      `SELECT subject, subject_version AS version, type FROM roster.events
       WHERE subject = $1 AND subject_version IS NOT NULL ORDER BY xid, seq`,
      [subject],
    );

  it('are in the order of its versions, of 100 mixed deeds at once over two applications', async () => {
    const admins = await Promise.all(apps.map((app) => app.people.admin()));
    const victim = await apps[0].people.person();
    const at = `/api/v1/users/${victim.id}`;
    const deeds: ((ada: Person, nth: number, same: Person) => Promise<{ status: number }>)[] = [
      (ada, nth) => ada.patch(at, { name: `Name ${nth}` }),
      (ada, nth) => ada.patch(at, { metadata: { nth } }),
      (ada, nth) => ada.put(`${at}/suspension`, { reason: `${nth}` }),
      (ada) => ada.delete(`${at}/suspension`),
      (ada, nth) => ada.put(`${at}/roles`, { roles: nth % 2 === 0 ? ['user'] : ['user', 'admin'] }),
      (ada, nth) =>
        ada.put(`${at}/permissions`, {
          permissions: nth % 2 === 0 ? [] : [{ permission: 'users:read', reason: 'test' }],
        }),
      (ada, nth) =>
        ada.post(
          '/api/v1/api-keys',
          { name: unique('Key '), scopes: ['me'], userId: victim.id },
          {
            'idempotency-key': `${nth}-${randomUUID()}`,
          },
        ),
      (ada) => ada.delete(`${at}/sessions`),
      (ada) => ada.post(`${at}/password-reset`, { reason: 'test' }),
      (_, nth) => signIn(apps[nth % 2]!, victim),
    ];
    const done = await Promise.all(
      Array.from({ length: 100 }, (_, nth) =>
        deeds[Math.floor(nth / 2) % deeds.length]!(admins[nth % 2]!, nth, victim).then(({ status }) => status),
      ),
    );
    const facts = await told(`users/${victim.id}`);
    process.stdout.write(
      `\n${facts.length} versioned facts of ${done.filter((status) => status < 300).length} deeds\n`,
    );
    expect(facts.length).toBeGreaterThan(10);
    expect(outOfOrder(facts)).toEqual([]);
  }, 120_000);

  it('are so for a role, which many change at once', async () => {
    const admins = await Promise.all(apps.map((app) => app.people.admin()));
    const made = { name: unique('role_'), permissions: ['users:read'] };
    const { id } = (await admins[0]!.post<{ id: string }>('/api/v1/roles', made)).body;
    const at = `/api/v1/roles/${id}`;
    await Promise.all(Array.from({ length: 60 }, (_, nth) => admins[nth % 2]!.patch(at, { about: `About ${nth}` })));
    const facts = await told(`roles/${id}`);
    expect(facts.length).toBeGreaterThan(50);
    expect(outOfOrder(facts)).toEqual([]);
  }, 120_000);

  it('are so for one who proves who they are by mail while others change them', async () => {
    const ada = await apps[0].people.admin();
    const people = await Promise.all(Array.from({ length: 4 }, () => apps[0].people.person()));
    for (const person of people) {
      const at = `/api/v1/users/${person.id}`;
      await Promise.all(
        Array.from({ length: 20 }, (_, nth) =>
          nth % 4 === 0
            ? apps[nth % 2]!.send('POST', '/api/v1/auth/password/forgot', { body: { email: person.user.email } })
            : ada.patch(at, { name: `Name ${nth}` }),
        ),
      );
      expect(outOfOrder(await told(`users/${person.id}`))).toEqual([]);
    }
  }, 120_000);

  it('are so for people whom imports change while others change them', async () => {
    const admins = await Promise.all(apps.map((app) => app.people.admin()));
    const role = unique('role_');
    await admins[0]!.post('/api/v1/roles', { name: role, permissions: ['users:read'] });
    const people = await Promise.all(Array.from({ length: 150 }, () => apps[0].people.user()));
    // Each goes through them from another end, and every second gives them a role too.
    const fileOf = (nth: number): string => {
      const rows = people.map(({ email }) => ({
        email,
        name: `Import ${nth}`,
        ...(nth % 2 === 0 ? {} : { roles: [role] }),
      }));
      return ndjson(...(nth % 3 === 0 ? rows.toReversed() : rows));
    };
    const files = await Promise.all(
      Array.from({ length: 8 }, (_, nth) => handIn(admins[nth % 2]!, fileOf(nth), NDJSON, '?onConflict=update')),
    );
    const underWay = new Set(files.map(({ body }) => body.id));
    const ends = [...underWay].map(async (id) => {
      const done = await over(admins[0]!, id);
      underWay.delete(id);
      return done;
    });
    const deeds: ((at: string, nth: number) => Promise<unknown>)[] = [
      (at, nth) => admins[nth % 2]!.patch(at, { name: `Name ${nth}` }),
      (at, nth) => admins[nth % 2]!.put(`${at}/roles`, { roles: nth % 4 === 0 ? ['user'] : ['user', role] }),
      (at, nth) => admins[nth % 2]!.put(`${at}/permissions`, { permissions: grantsOf(nth) }),
    ];
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let nth = writer; underWay.size > 0; nth += 7)
        await deeds[nth % deeds.length]!(`/api/v1/users/${people[nth % people.length]!.id}`, nth);
    });
    const done = await Promise.all(ends);
    await Promise.all(writers);
    const facts = await apps[0].sql<Told>(
      `SELECT subject, subject_version AS version, type FROM roster.events
       WHERE subject = ANY($1) AND subject_version IS NOT NULL ORDER BY xid, seq`,
      [people.map(({ id }) => `users/${id}`)],
    );
    process.stdout.write(`\n${facts.length} versioned facts of people whom ${done.length} imports changed\n`);
    for (const { state, updated, failed } of done)
      expect({ state, failed, some: updated > 0 }).toEqual({ state: 'completed', failed: 0, some: true });
    expect(outOfOrder(facts)).toEqual([]);
    for (const { id } of files.map(({ body }) => body)) expect(outOfOrder(await told(`imports/${id}`))).toEqual([]);
  }, 300_000);

  /** What a transaction does that gives it a number. */
  const WRITES =
    /^\s*(INSERT|UPDATE|DELETE)\b|\bFOR (NO KEY )?(UPDATE|KEY SHARE|SHARE)\b|\b(INSERT INTO|UPDATE|DELETE FROM) roster\./i;
  const TAKES_TURN = /pg_advisory_xact_lock\(hashtextextended/;

  /** What was written before the turn was taken, in the transaction that recorded the facts. */
  function beforeTheTurn(texts: readonly string[]): string[] {
    const recorded = texts.findLastIndex((text) => /INSERT INTO roster\.events\b/.test(text));
    const begun = texts.slice(0, recorded).findLastIndex((text) => /^START TRANSACTION|^BEGIN/.test(text));
    const transaction = texts.slice(begun + 1, recorded);
    const turn = transaction.findIndex((text) => TAKES_TURN.test(text));
    return transaction.slice(0, turn === -1 ? undefined : turn).filter((text) => WRITES.test(text));
  }

  it('wait for their turn before their transaction writes anything, whatever the operation', async () => {
    const [app] = apps;
    const wrong: string[] = [];
    const proven = new Set<string>();
    for (const { operation, method, path } of operationsOf(app.app.document)) {
      if (method === 'get') continue;
      const { operationId } = operation;
      const admin = await app.people.admin();
      const victim = path.includes('{id}') ? await app.people.person() : admin;
      const scene = await sceneOf(operationId, app, admin, victim);
      const media = operation.requestBody?.content['application/json'];
      const example = (media?.example ?? Object.values(media?.examples ?? {})[0]?.value) as object | undefined;
      const body = scene.body ?? (example && withUniqueMembers(example as Record<string, unknown>));
      const requestId = `order-${randomUUID()}`;
      const headers = { 'x-request-id': requestId, ...(method === 'post' ? { 'idempotency-key': randomUUID() } : {}) };
      await admin.send(method.toUpperCase(), addressOf(path, scene, victim.id), { headers, body });
      // A subject that is new has nobody who could be faster.
      const [versioned] = await app.sql(
        `SELECT 1 FROM roster.events WHERE private ->> 'requestId' = $1 AND subject_version > 1`,
        [requestId],
      );
      if (!versioned) continue;
      proven.add(operationId);
      for (const text of beforeTheTurn(statements.of(requestId))) wrong.push(`${operationId}: ${text.slice(0, 100)}`);
    }
    process.stdout.write(`\n${proven.size} operations: ${[...proven].join(', ')}\n`);
    expect(proven.size).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
  }, 300_000);
});

function grantsOf(nth: number): object[] {
  return nth % 2 === 0 ? [] : [{ permission: 'users:read', reason: 'test' }];
}

async function signIn(app: TestApp, { user }: Person): Promise<{ status: number }> {
  // Refused while they are suspended.
  const signingIn = app.people.signIn(user);
  return signingIn.then(
    () => ({ status: 200 }),
    () => ({ status: 403 }),
  );
}
