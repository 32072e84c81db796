import type { TestApp } from '../harness/app.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { factsAbout, makeHook, startHooks } from './hooks.js';
import type { Hook } from './hooks.js';

const URL = 'https://hooks.customer.example/roster';

describe('webhooks', () => {
  let app: TestApp;
  let admin: Person;

  beforeAll(async () => {
    // Sixty who want the same row at once: some wait for longer than a request may on a busy machine.
    app = await startHooks('webhooks_crud', { ROLE: 'api' });
    admin = await app.people.admin();
  });
  afterAll(() => app.stop());

  it('are made, read, changed by the version that was seen, and deleted', async () => {
    const made = await admin.post<Hook>('/api/v1/webhooks', {
      url: URL,
      eventTypes: ['user.*', 'webhook.created'],
      filter: 'subject sw "users/" and not (type eq "user.deleted")',
      description: 'The directory',
      ordered: 'subject',
    });
    expect(made).toMatchObject({ status: 201, headers: { 'cache-control': 'no-store', etag: '"1.json"' } });
    expect(made.body).toMatchObject({ url: URL, state: 'enabled', disabledReason: null, version: 1 });
    expect(made.body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const { id } = made.body;
    const url = `/api/v1/webhooks/${id}`;
    const read = await admin.get<Hook>(url);
    expect(read.text).not.toContain('whsec_');
    expect(read.body).toMatchObject({ id, ordered: 'subject', description: 'The directory' });
    expect((await admin.patch(url, { filter: null }, { 'if-match': '"7.json"' })).status).toBe(412);
    const changed = await admin.patch<Hook>(url, { filter: null, eventTypes: ['*'] }, { 'if-match': '"1.json"' });
    expect(changed.body).toMatchObject({ filter: null, eventTypes: ['*'], version: 2 });
    expect((await admin.patch<Hook>(url, { eventTypes: ['*'] })).body.version).toBe(2);
    const disabled = await admin.patch<Hook>(url, { state: 'disabled' });
    expect(disabled.body).toMatchObject({ state: 'disabled', disabledReason: 'by_hand', version: 3 });
    expect((await admin.patch<Hook>(url, { state: 'enabled' })).body).toMatchObject({ state: 'enabled', version: 4 });
    expect((await admin.delete(url)).status).toBe(204);
    for (const answer of [await admin.get(url), await admin.delete(url), await admin.get(`${url}/deliveries`)])
      expect(answer).toMatchObject({ status: 404, body: { code: 'webhook_not_found' } });
    expect(await factsAbout(app, id)).toEqual([
      'webhook.created',
      'webhook.changed',
      'webhook.disabled',
      'webhook.enabled',
      'webhook.deleted',
    ]);
  });

  it('have their facts in the order of their versions, whoever tries them while they are changed', async () => {
    const { id } = await makeHook(admin, URL);
    const url = `/api/v1/webhooks/${id}`;
    await Promise.all(
      Array.from({ length: 60 }, (_, at) =>
        at % 2 ? admin.post(`${url}/test`) : admin.patch(url, { description: `The ${at}th` }),
      ),
    );
    const facts = await app.sql<{ version: number }>(
      'SELECT subject_version AS version FROM roster.events WHERE subject = $1 ORDER BY xid, seq',
      [`webhooks/${id}`],
    );
    const versions = facts.map(({ version }) => Number(version));
    expect(versions).toHaveLength(61);
    expect(versions).toEqual([...versions].sort((one, other) => one - other));
  });

  it('are listed, and found by their state', async () => {
    const { id } = await makeHook(admin, `${URL}/${unique('listed')}`);
    await admin.patch(`/api/v1/webhooks/${id}`, { state: 'disabled' });
    const filter = encodeURIComponent(`state eq "disabled" and url co "listed"`);
    const { body } = await admin.get<{ data: Hook[] }>(`/api/v1/webhooks?filter=${filter}&count=exact`);
    expect(body.data.map((hook) => hook.id)).toEqual([id]);
  });

  it.each<[string, object, string, string]>([
    ['no URL', { url: 'hooks' }, '/url', 'url_invalid'],
    ['another protocol', { url: 'ftp://hooks.example/x' }, '/url', 'url_invalid'],
    ['a file', { url: 'file:///etc/passwd' }, '/url', 'url_invalid'],
    ['a password', { url: 'https://a:b@hooks.example/' }, '/url', 'url_with_credentials'],
    ['a fragment', { url: 'https://hooks.example/#x' }, '/url', 'url_with_fragment'],
    ['the port of SMTP', { url: 'https://hooks.example:25/' }, '/url', 'url_port_refused'],
    ['the port of PostgreSQL', { url: 'http://hooks.example:5432/' }, '/url', 'url_port_refused'],
    ['an address within', { url: 'http://10.0.0.7/' }, '/url', 'url_address_refused'],
    ['no type', { eventTypes: [] }, '/eventTypes', 'too_few'],
    ['a type that nobody promises', { eventTypes: ['user.*', 'user.danced'] }, '/eventTypes', 'event_type_unknown'],
    ['a pattern that is none', { eventTypes: ['*.created'] }, '/eventTypes', 'format_invalid'],
    ['a filter that is none', { filter: 'type equals 1' }, '/filter', 'filter_invalid'],
    ['a filter over something else', { filter: 'data.userId eq "1"' }, '/filter', 'filter_attribute_unknown'],
    ['an order that is none', { ordered: 'always' }, '/ordered', 'not_allowed'],
  ])('are refused with %s', async (_, wrong, pointer, code) => {
    const body = { url: URL, eventTypes: ['user.*'], ...wrong };
    const refused = await admin.post<{ errors: object[] }>('/api/v1/webhooks', body);
    expect(refused).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(refused.body.errors).toEqual([expect.objectContaining({ pointer, code })]);
    const { id } = await makeHook(admin, URL);
    expect((await admin.patch(`/api/v1/webhooks/${id}`, wrong)).status).toBe(422);
  });

  it('are seen and changed only by whoever may', async () => {
    const { id } = await makeHook(admin, URL);
    const reader = await app.people.withPermissions('webhooks:read');
    expect((await reader.get(`/api/v1/webhooks/${id}`)).status).toBe(200);
    for (const answer of [
      await reader.post('/api/v1/webhooks', { url: URL, eventTypes: ['*'] }),
      await reader.post(`/api/v1/webhooks/${id}/secret`, {}),
      await reader.post(`/api/v1/webhooks/${id}/test`),
    ])
      expect(answer.status).toBe(403);
    const stranger = await app.people.person();
    expect((await stranger.get(`/api/v1/webhooks/${id}`)).status).toBe(403);
  });

  it('keep their secret sealed, and no answer shows it twice', async () => {
    const { id, secret } = await makeHook(admin, URL);
    const [row] = await app.sql<{ secret: Buffer }>('SELECT secret FROM roster.webhooks WHERE id = $1', [id]);
    expect(row!.secret.includes(Buffer.from(secret.slice(6), 'base64'))).toBe(false);
    expect(row!.secret.toString('latin1')).not.toContain(secret);
    const facts = await app.sql('SELECT data, private FROM roster.events WHERE subject = $1', [`webhooks/${id}`]);
    expect(JSON.stringify(facts)).not.toContain('whsec_');
    const rotated = await admin.post<Hook>(`/api/v1/webhooks/${id}/secret`, {});
    expect(rotated).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    expect(rotated.body.secret).not.toBe(secret);
    expect(await factsAbout(app, id)).toEqual(['webhook.created', 'webhook.secret_rotated']);
  });
});

describe('webhooks in production', () => {
  it('go over TLS only, unless that was allowed', async () => {
    const settings = { NODE_ENV: 'production', SECRET_KEY: Buffer.alloc(32, 7).toString('base64'), ROLE: 'api' };
    for (const [allowed, status] of [
      ['0', 422],
      ['1', 201],
    ] as const) {
      const app = await startHooks('webhooks_https', { ...settings, WEBHOOK_ALLOW_HTTP: allowed });
      const admin = await app.people.admin();
      const body = { url: 'http://hooks.customer.example/', eventTypes: ['*'] };
      expect((await admin.post('/api/v1/webhooks', body)).status).toBe(status);
      await app.stop();
    }
  });
});
