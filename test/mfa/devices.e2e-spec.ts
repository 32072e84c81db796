import { Mfa } from '../../src/mfa/index.js';
import { TrustedDevices } from '../../src/mfa/trusted-devices.service.js';
import { runInRequest } from '../../src/platform/logging/request-context.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { awaitMail, awaitWords } from '../mail/mailbox.js';
import type { Failure } from '../users/shapes.js';
import { factOf, newFactsAbout } from './shapes.js';
import type { ListOf } from './shapes.js';

const DEVICES = '/api/v1/me/devices';
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

interface ShownDevice {
  readonly id: string;
  readonly name: string;
  readonly ip: string | null;
  readonly expiresAt: string;
  readonly lastUsedAt: string | null;
}

describe('trusted devices', () => {
  let app: TestApp;
  let mfa: Mfa;
  let grace: Person;

  beforeAll(async () => {
    app = await TestApp.start({
      database: await freshDatabase(`devices_${process.env['JEST_WORKER_ID']}`),
    });
    mfa = app.get(Mfa);
  });
  beforeEach(async () => {
    grace = await app.people.person();
  });
  afterAll(() => app.stop());

  /** As a request from Firefox does. */
  const trust = (person = grace) => {
    const deadline = performance.now() + 20_000;
    const request = { requestId: 'trust', deadline, ip: '203.0.113.7', userAgent: FIREFOX, actorId: null };
    return runInRequest(request, () => mfa.trust(person.id));
  };
  const listed = async (person = grace) => (await person.get<ListOf<ShownDevice>>(DEVICES)).body.data;

  it('are recognised by a token that is kept as its hash, for 30 days and for their owner', async () => {
    const { token, expiresAt } = await trust();
    expect(Math.round((expiresAt.getTime() - app.clock.millis()) / DAY)).toBe(30);
    const eve = await app.people.person();
    expect([await mfa.isTrusted(grace.id, token), await mfa.isTrusted(eve.id, token)]).toEqual([true, false]);
    for (const wrong of ['', `${token}x`, token.slice(1), '\u0000'])
      expect(await mfa.isTrusted(grace.id, wrong)).toBe(false);
    const [shown] = await listed();
    expect(shown).toMatchObject({ name: 'Firefox on Linux', ip: '203.0.113.7', userAgent: FIREFOX });
    expect(shown!.lastUsedAt).not.toBeNull();
    expect(JSON.stringify(shown)).not.toContain(token);
    app.clock.advance(30 * DAY);
    expect(await mfa.isTrusted(grace.id, token)).toBe(false);
    expect(await listed(await app.people.signIn(grace.user))).toEqual([]);
  });

  it('are on record, and told of (S17)', async () => {
    await trust();
    const [{ id, expiresAt }] = (await listed()) as [ShownDevice];
    const fact = await factOf(app, grace.id, 'trusted_device.added');
    expect(fact.data).toEqual({ userId: grace.id, deviceId: id, expiresAt });
    expect(fact.private).toMatchObject({ actorId: grace.id, ip: '203.0.113.7' });
    await awaitWords(app, grace.user.email, 'A device is trusted from now on');
  });

  it('are no longer trusted when their owner says so: one, or all', async () => {
    const tokens = [(await trust()).token, (await trust()).token, (await trust()).token];
    const trusted = () => Promise.all(tokens.map((token) => mfa.isTrusted(grace.id, token)));
    const [first] = await listed();
    expect((await grace.delete(`${DEVICES}/${first!.id}`)).status).toBe(204);
    expect(await trusted()).toEqual([false, true, true]);
    expect((await grace.delete(DEVICES)).status).toBe(204);
    expect(await trusted()).toEqual([false, false, false]);
    const removed = (await newFactsAbout(app, grace.id)).filter((type) => type === 'trusted_device.removed');
    expect(removed).toHaveLength(3);
    await awaitMail(app, grace.user.email, 5);
    await awaitWords(app, grace.user.email, 'A device is no longer trusted.');
    // There was nothing to remove.
    expect((await grace.delete(DEVICES)).status).toBe(204);
    expect((await newFactsAbout(app, grace.id)).length).toBe(6);
  });

  it('are one’s own: another’s cannot be removed', async () => {
    const { token } = await trust();
    const [device] = await listed();
    const eve = await app.people.person();
    const refused = await eve.delete<Failure>(`${DEVICES}/${device!.id}`);
    expect([refused.status, refused.body.code]).toEqual([404, 'device_not_found']);
    await eve.delete(DEVICES);
    expect(await mfa.isTrusted(grace.id, token)).toBe(true);
  });

  it('are twenty at most: the oldest is forgotten', async () => {
    const { token } = await trust();
    for (let n = 0; n < 20; n += 1) await trust();
    expect(await listed()).toHaveLength(20);
    expect(await mfa.isTrusted(grace.id, token)).toBe(false);
    expect((await newFactsAbout(app, grace.id)).slice(-2)).toEqual(['trusted_device.added', 'trusted_device.removed']);
  });

  it('are removed only after a recent sign-in (S16)', async () => {
    const { token } = await trust();
    const [device] = await listed();
    app.clock.advance(6 * MINUTE);
    for (const url of [DEVICES, `${DEVICES}/${device!.id}`]) {
      const refused = await grace.delete<Failure>(url);
      expect([refused.status, refused.body.code]).toEqual([403, 'reauthentication_required']);
    }
    expect(await mfa.isTrusted(grace.id, token)).toBe(true);
    expect(await app.get(TrustedDevices).list(grace.id)).toHaveLength(1);
  });
});
