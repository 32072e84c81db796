import { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import type { Person } from '../harness/people.js';
import type { Failure } from '../users/shapes.js';
import type { ShownReason } from './shapes.js';

interface Explained {
  readonly userId: string;
  readonly permission: string;
  readonly allowed: boolean;
  readonly status: string;
  readonly reasons: ShownReason[];
  readonly roles: string[];
}

describe('questions about what somebody may', () => {
  let app: TestApp;
  let ada: Person;
  let grace: Person;
  let reader: Person;
  let plain: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
    reader = await app.people.withPermissions('users:read');
    grace = await app.people.person();
    plain = await app.people.person();
    await ada.put(`/api/v1/users/${grace.id}/permissions`, { grants: [{ permission: 'users:write', reason: 'Now' }] });
  });
  afterAll(() => app.stop());

  const check = (who: Person, body: object) => who.post<{ allowed: boolean } & Failure>('/api/v1/access/check', body);
  const explain = (who: Person, body: object) => who.post<Explained & Failure>('/api/v1/access/explain', body);
  const people = (): Record<string, Person> => ({ ada, grace, reader, plain });

  it.each([
    ['ada', 'ada', 'users:write', true],
    ['grace', 'grace', 'users:write', true],
    ['grace', 'grace', 'users:read', false],
    ['plain', 'plain', 'users:write', false],
    ['ada', 'grace', 'users:write', true],
    ['ada', 'grace', 'users:read', false],
    ['ada', 'plain', 'users:read', false],
    ['reader', 'ada', 'roles:write', true],
    ['reader', 'grace', 'users:write', true],
    ['reader', 'reader', 'users:read', true],
  ])('%s is told whether %s may %s', async (asker, subject, permission, allowed) => {
    const [who, whom] = [people()[asker]!, people()[subject]!];
    const body = { permission, userId: whom.id };
    expect(await check(who, body)).toMatchObject({ status: 200, body: { allowed } });
    expect(await explain(who, body)).toMatchObject({ status: 200, body: { ...body, allowed, status: 'active' } });
    if (who !== whom) return;
    expect((await check(who, { permission })).body).toEqual({ allowed });
    expect((await check(who, { permission, userId: whom.id.toUpperCase() })).body).toEqual({ allowed });
  });

  it.each<[string, (who: Person, body: object) => Promise<Answer<Failure>>]>([
    ['asked', check],
    ['explained', explain],
  ])('S54 nothing is %s of others by whoever may not see them, be they there or not', async (_, ask) => {
    for (const userId of [ada.id, '01a1fb89-a690-7530-90c7-ac334b01292e']) {
      const refused = await ask(plain, { permission: 'users:read', userId });
      expect([refused.status, refused.body.code]).toEqual([403, 'permission_denied']);
    }
    const nobody = await ask(reader, { permission: 'users:read', userId: '01a1fb89-a690-7530-90c7-ac334b01292e' });
    expect([nobody.status, nobody.body.code]).toEqual([404, 'user_not_found']);
    const unknown = await ask(plain, { permission: 'users:fly' });
    expect([unknown.status, unknown.body.errors?.[0]?.pointer]).toEqual([422, '/permission']);
  });

  it('are explained by every reason, and by the roles that would give it', async () => {
    const role = reader.user.roles.find((name) => name !== 'user')!;
    const byRole = (await explain(ada, { permission: 'users:read', userId: reader.id })).body;
    expect(byRole.reasons).toEqual([{ kind: 'role', role }]);
    expect(byRole.roles).toEqual(expect.arrayContaining(['admin', role]));
    const byGrant = (await explain(grace, { permission: 'users:write' })).body;
    const grant = { kind: 'grant', expiresAt: null, grantedAt: expect.any(String), grantedBy: ada.id, reason: 'Now' };
    expect(byGrant.reasons).toEqual([grant]);
    const byNothing = (await explain(plain, { permission: 'permissions:grant' })).body;
    // Regressed: anybody who was signed in learnt which roles give what.
    expect([byNothing.reasons, byNothing.roles]).toEqual([[], []]);
    const own = (await explain(reader, { permission: 'users:read' })).body;
    expect([own.reasons, own.roles]).toEqual([[{ kind: 'role', role }], [role]]);
  });

  it('tell that whoever is suspended or deleted may nothing, whatever they hold', async () => {
    const { id } = await app.people.admin();
    const body = { permission: 'users:read', userId: id };
    await ada.put(`/api/v1/users/${id}/suspension`, { reason: 'left' });
    expect((await check(ada, body)).body).toEqual({ allowed: false });
    expect((await explain(ada, body)).body).toMatchObject({
      ...{ allowed: false, status: 'suspended', reasons: [{ kind: 'role', role: 'admin' }] },
    });
    await ada.delete(`/api/v1/users/${id}`);
    expect((await explain(ada, body)).body).toMatchObject({ allowed: false, status: 'deleted' });
  });

  it('tell that whoever is only invited may nothing yet', async () => {
    // Regressed: an account that nobody can use was said to be allowed what its roles give.
    const { id } = await app.people.user({}, { roles: ['admin'], invited: true });
    const body = { permission: 'users:read', userId: id };
    expect((await check(ada, body)).body).toEqual({ allowed: false });
    expect((await explain(ada, body)).body).toMatchObject({ allowed: false, status: 'invited' });
  });

  it('record nothing', async () => {
    const before = await app.factsAbout(grace.id);
    await explain(grace, { permission: 'users:read' });
    expect(await app.factsAbout(grace.id)).toEqual(before);
  });
});
