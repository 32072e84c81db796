import type { AddressInfo } from 'node:net';

import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { unique } from '../harness/people.js';
import { PLANT_USERS } from '../users/planted-users.js';

const USERS = 12_000;
/** A row of 4 kB: all of them are more than the largest buffers of Linux between here and there hold (32 + 4 MiB). */
const WIDEN = `UPDATE roster.users SET metadata = jsonb_build_object('note', repeat('x', 4000)) WHERE starts_with(email_key, $1)`;

describe('lists that are streamed to their end', () => {
  const name = unique('stream');
  let app: TestApp;
  let origin: string;

  beforeAll(async () => {
    app = await TestApp.start();
    await app.app.fastify.listen({ port: 0, host: '127.0.0.1' });
    origin = `http://127.0.0.1:${(app.app.fastify.server.address() as AddressInfo).port}`;
    await app.sql(PLANT_USERS, [USERS, name]);
    await app.sql(WIDEN, [name]);
  });
  afterAll(() => app.stop());

  const ask = (person: Person, type: string, more = '', method = 'GET'): Promise<Response> =>
    fetch(`${origin}/api/v1/users?filter=${encodeURIComponent(`email sw "${name}"`)}&sort=email${more}`, {
      method,
      headers: { authorization: `Bearer ${person.token}`, accept: type },
    });
  const emailsIn = (text: string): string[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { email: string }).email);

  it('hold every row once, and lead nowhere else', async () => {
    const answer = await ask(await app.people.admin(), 'application/x-ndjson');
    expect(answer.headers.get('link')).toBeNull();
    const emails = emailsIn(await answer.text());
    expect(new Set(emails).size).toBe(USERS);
    expect(emails).toHaveLength(USERS);
  });

  it('are one page when they are read backwards, which leads on', async () => {
    const ada = await app.people.admin();
    type Page = { data: { email: string }[]; page: { nextCursor: string; prevCursor: string } };
    const first = (await (await ask(ada, 'application/json', '&limit=200')).json()) as Page;
    const second = (await (
      await ask(ada, 'application/json', `&limit=200&cursor=${first.page.nextCursor}`)
    ).json()) as Page;
    const back = await ask(ada, 'application/x-ndjson', `&cursor=${second.page.prevCursor}`);
    expect(emailsIn(await back.text())).toEqual(first.data.map(({ email }) => email));
    expect(back.headers.get('link')).toContain('rel="next"');
  });

  it('have no length in their head', async () => {
    const answer = await ask(await app.people.admin(), 'text/csv', '', 'HEAD');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(answer.headers.get('content-length')).toBeNull();
  });

  it.each([
    ['whose session has ended', (person: Person) => person.post('/api/v1/auth/logout')],
    [
      'who may no longer',
      async (person: Person) => (await app.people.admin()).put(`/api/v1/users/${person.id}/roles`, { roles: ['user'] }),
    ],
  ])('S20 S57 break off under somebody %s', async (_, takeAway) => {
    const reader = await app.people.admin();
    const answer = await ask(reader, 'application/x-ndjson');
    const rows = answer.body!.getReader();
    const { value: first } = await rows.read();
    expect(first!.length).toBeGreaterThan(0);
    expect((await takeAway(reader)).status).toBeLessThan(300);
    let bytes = first!.length;
    const rest = async (): Promise<void> => {
      for (let part = await rows.read(); !part.done; part = await rows.read()) bytes += part.value.length;
    };
    await expect(rest()).rejects.toThrow(/terminated/);
    expect(bytes).toBeGreaterThan(1000);
  });

  it.each(['application/json; charset=utf-8', 'application/json;odata=verbose', ''])(
    'JSON is what %j asks for',
    async (type) => {
      const answer = await ask(await app.people.admin(), type, '&limit=1');
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    },
  );
});
