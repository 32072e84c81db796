import { InvitationsRepository } from '../../src/auth/invitations/invitations.repository.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';

const SORTS = ['createdAt', 'email'].flatMap((name) => [name, `-${name}`]);
const FILTERS = [
  '',
  'email eq "planned7@example.com"',
  'email sw "planned7777"',
  'email co "d7777"',
  'createdAt ge "2026-01-01T05:30:00Z"',
  ...['pending', 'accepted', 'revoked', 'expired'].map((status) => `status eq "${status}"`),
];

describe('the list of 20,000 invitations', () => {
  let app: TestApp;
  let ada: Person;
  const asked: { text: string; parameters: unknown[] }[] = [];

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`invited_${process.env['JEST_WORKER_ID']}`),
    });
    ada = await app.people.admin();
    await app.sql(PLANT);
    await app.sql('VACUUM ANALYZE roster.invitations');
    const repository = app.get(InvitationsRepository);
    const page = repository.page.bind(repository);
    repository.page = (statement) => {
      asked.push(statement);
      return page(statement);
    };
  }, 60_000);
  afterAll(() => app.stop());

  it('is served by an index under every filter, in every sort', async () => {
    for (const filter of FILTERS)
      for (const sort of SORTS) {
        const query = new URLSearchParams({ sort, ...(filter && { filter }) }).toString();
        expect((await ada.get(`/api/v1/invitations?${query}`)).status).toBe(200);
        const { text, parameters } = asked.at(-1)!;
        const plan = JSON.stringify(await app.sql(`EXPLAIN (FORMAT JSON) ${text}`, parameters));
        expect([filter, sort, plan.includes('Seq Scan') ? plan : '']).toEqual([filter, sort, '']);
      }
    expect(asked).toHaveLength(FILTERS.length * SORTS.length);
  });
});

/** One of a hundred was revoked, one is open; the others were accepted. */
const PLANT = `
  WITH made AS (
    INSERT INTO roster.users (id, email, email_key, name, name_key, locale, metadata, app_metadata, created_at, updated_at, version)
    SELECT gen_random_uuid(), 'planned' || n || '@example.com', 'planned' || n || '@example.com', 'P', 'p', 'en', '{}', '{}', at, at, 1
    FROM (SELECT n, timestamptz '2026-01-01' + make_interval(secs => n) AS at FROM generate_series(1, 20000) n) planted
    RETURNING id, email, created_at)
  INSERT INTO roster.invitations (id, user_id, email, email_key, roles, created_at, sent_at, expires_at, flow_id, version,
    accepted_at, revoked_at)
  SELECT gen_random_uuid(), id, email, email, '{user}', created_at, created_at, created_at + interval '7 days',
    gen_random_uuid(), 1, CASE WHEN n % 100 > 1 THEN created_at END, CASE WHEN n % 100 = 1 THEN created_at END
  FROM (SELECT *, row_number() OVER (ORDER BY created_at) AS n FROM made) numbered`;
