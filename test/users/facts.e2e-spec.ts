import { TestApp } from '../harness/app.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';

const PASSWORD = 'quiet river under seven bridges';

interface Fact {
  readonly type: string;
  readonly version: number | null;
  readonly data: Record<string, unknown>;
  readonly private: {
    actorId: string;
    ip: string;
    requestId: string;
    before?: object;
    after?: object;
    reason?: string;
  };
}

type Deed = (ada: Person, id: string) => Promise<{ status: number }>;
const at = (id: string, rest = ''): string => `/api/v1/users/${id}${rest}`;
const rename: Deed = (ada, id) => ada.patch(at(id), { name: 'Renamed Person' });
const suspend: Deed = (ada, id) => ada.put(at(id, '/suspension'), { reason: 'Personal reason' });
const reinstate: Deed = (ada, id) => ada.delete(at(id, '/suspension'));
const remove: Deed = (ada, id) => ada.delete(at(id));
const restore: Deed = (ada, id) => ada.post(at(id, '/restoration'));
const promote: Deed = (ada, id) => ada.put(at(id, '/roles'), { roles: ['admin', 'user'] });

describe('facts about users', () => {
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    app = await TestApp.start();
    ada = await app.people.admin();
  });
  afterAll(() => app.stop());

  const factsAbout = (id: string): Promise<Fact[]> =>
    app.sql<Fact>(
      `SELECT type, subject_version AS version, data, private FROM roster.events WHERE subject = $1 ORDER BY xid, seq`,
      [`users/${id}`],
    );

  it.each<[string, Deed[], [string, number][]]>([
    ['a change', [rename], [['user.updated', 2]]],
    ['a change that changes nothing', [(who, id) => who.patch(at(id), {})], []],
    ['a change that is refused', [(who, id) => who.patch(at(id), { name: '' })], []],
    ['a stale change', [(who, id) => who.patch(at(id), { name: 'X' }, { 'if-match': '"7.json"' })], []],
    ['a suspension', [suspend], [['user.suspended', 2]]],
    ['the same suspension twice', [suspend, suspend], [['user.suspended', 2]]],
    [
      'a suspension that is lifted',
      [suspend, reinstate],
      [
        ['user.suspended', 2],
        ['user.reinstated', 3],
      ],
    ],
    ['the lifting of none', [reinstate], []],
    ['other roles', [promote], [['user.roles_changed', 2]]],
    ['the same roles', [(who, id) => who.put(at(id, '/roles'), { roles: ['user'] })], []],
    ['a deletion', [remove, remove], [['user.deleted', 2]]],
    [
      'a restoration',
      [remove, restore, restore],
      [
        ['user.deleted', 2],
        ['user.restored', 3],
      ],
    ],
    [
      'all of it',
      [rename, suspend, reinstate, promote, remove, restore],
      [
        ['user.updated', 2],
        ['user.suspended', 3],
        ['user.reinstated', 4],
        ['user.roles_changed', 5],
        ['user.deleted', 6],
        ['user.restored', 7],
      ],
    ],
  ])('of %s are exactly these, with versions that rise', async (_, deeds, expected) => {
    const { id } = await app.people.user({}, { invited: true });
    for (const deed of deeds) await deed(ada, id);
    const facts = await factsAbout(id);
    expect(facts.map(({ type, version }) => [type, version])).toEqual([['user.created', 1], ...expected]);
  });

  it('of a creation with a password are two, and of one without it one', async () => {
    const create = async (body: object): Promise<string[]> => {
      const { body: made } = await ada.post<{ id: string }>('/api/v1/users', {
        email: `${unique('f')}@example.com`,
        name: 'F',
        ...body,
      });
      return app.factsAbout(made.id);
    };
    expect(await create({ password: PASSWORD })).toEqual(['user.created', 'password.changed']);
    expect(await create({})).toEqual(['user.created']);
  });

  it('are recorded of what people do to themselves', async () => {
    const grace = await app.people.person();
    await grace.patch('/api/v1/me', { name: 'Myself' });
    await grace.delete('/api/v1/me');
    const facts = (await factsAbout(grace.id)).slice(-2);
    expect(facts.map(({ type, private: { actorId } }) => [type, actorId])).toEqual([
      ['user.updated', grace.id],
      ['user.deletion_scheduled', grace.id],
    ]);
  });

  it('say in private who did it, from where, in which request, and what was before and after', async () => {
    const { id, name } = await app.people.user();
    await ada.patch(at(id), { name: 'After' }, { 'x-request-id': 'request-of-this-test' });
    await ada.put(at(id, '/suspension'), { reason: 'Personal reason' });
    await ada.put(at(id, '/roles'), { roles: [] });
    const [updated, suspended, roles] = (await factsAbout(id)).slice(-3);
    expect(updated!.private).toMatchObject({
      actorId: ada.id,
      ip: '127.0.0.1',
      requestId: 'request-of-this-test',
      before: { name },
      after: { name: 'After' },
    });
    expect(suspended!.private).toMatchObject({
      reason: 'Personal reason',
      before: { suspension: null },
      after: { suspension: { reason: 'Personal reason', until: null } },
    });
    expect(roles!.private).toMatchObject({ before: { roles: ['user'] }, after: { roles: [] } });
  });

  it('hold no personal values in public', async () => {
    const secret = unique('Secret');
    const personal = {
      email: `${secret}@example.com`,
      name: secret,
      username: secret,
      externalId: secret,
      metadata: { secret },
      appMetadata: { secret },
    };
    const { body } = await ada.post<{ id: string }>('/api/v1/users', { ...personal, phone: '+442071838750' });
    await ada.patch(at(body.id), { name: `${secret}2`, phone: null, metadata: { secret: `${secret}2` } });
    for (const deed of [suspend, reinstate, promote, remove, restore]) await deed(ada, body.id);
    const facts = await factsAbout(body.id);
    expect(facts).toHaveLength(7);
    const told = JSON.stringify(facts.map(({ data }) => data));
    for (const value of [secret, '+44', 'Personal', 'example.com']) expect(told).not.toContain(value);
    expect(facts[1]!.data).toEqual({ userId: body.id, members: expect.arrayContaining(['name', 'phone', 'metadata']) });
  });

  it('are not recorded when the change is rolled back', async () => {
    const username = unique('taken');
    await app.people.user({ username });
    const { id } = await app.people.user({}, { invited: true });
    expect((await ada.patch(at(id), { username })).status).toBe(409);
    expect(await app.factsAbout(id)).toEqual(['user.created']);
  });
});
