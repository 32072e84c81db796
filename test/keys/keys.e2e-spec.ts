import { createPrivateKey, createPublicKey } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { Keys } from '../../src/keys/index.js';
import { Secrets } from '../../src/platform/crypto/secrets.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { TestApp } from '../harness/app.js';
import { asSuperuser, ask, freshDatabase } from '../harness/database.js';
import { awaitThat } from '../jobs/awaited.js';
import { onDatabase, runToEnd } from '../harness/process.js';
import type { Person } from '../harness/people.js';

interface Jwks {
  keys: { kid: string }[];
}

describe('signing keys', () => {
  let address: DatabaseAddress;
  let app: TestApp;
  let other: TestApp;
  let ada: Person;

  beforeAll(async () => {
    address = await freshDatabase('keys');
    [app, other] = [await TestApp.start({ database: address }), await TestApp.start({ database: address })];
    ada = await app.people.person();
  });
  afterAll(async () => {
    await app.stop();
    await other.stop();
  });

  const kidOf = (token: string): string =>
    (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;
  const jwks = async (of: TestApp) => (await of.send<Jwks>('GET', '/.well-known/jwks.json')).body.keys;

  it('S38 publishes the active and the next key, and no private part', async () => {
    const keys = await jwks(app);
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
      expect(() => createPublicKey({ key: key as never, format: 'jwk' })).not.toThrow();
    }
    expect(keys.map(({ kid }) => kid)).toContain(kidOf(ada.token));
    expect(await jwks(other)).toEqual(keys);
  });

  it('keeps the private halves sealed', async () => {
    const rows = await ask<{ private_key: Buffer }>(
      asSuperuser(address),
      'SELECT private_key FROM roster.signing_keys',
    );
    expect(rows).toHaveLength(2);
    for (const { private_key: key } of rows) {
      for (const type of ['pkcs8', 'sec1'] as const)
        expect(() => createPrivateKey({ key, format: 'der', type })).toThrow();
    }
  });

  it('S38 rotates without one failed request, however fast, at every process', async () => {
    let asked = 0;
    const failed: unknown[] = [];
    let over = false;
    // Not as ada: of more than SESSION_MAX sessions hers, long unseen, would be ended, and her token with it.
    const users = [app, other].map(async (at) => {
      const user = await at.people.user();
      while (!over) {
        const somebody = await at.people.signIn(user);
        for (const where of [app, other]) {
          const { status, text } = await where.send('GET', '/api/v1/me', { token: somebody.token });
          asked += 1;
          if (status !== 200) failed.push(text);
        }
      }
    });
    const before = kidOf(ada.token);
    const kids = new Set([before]);
    for (let rotation = 0; rotation < 4; rotation += 1) {
      kids.add(await app.get(Keys).rotate());
      // At each process somebody signs in and asks with this key, however slow the machine.
      const enough = asked + 12;
      await awaitThat(
        () => Promise.resolve(asked),
        (so) => so >= enough || failed.length > 0,
        30_000,
      );
    }
    over = true;
    await Promise.all(users);
    expect(failed).toEqual([]);
    expect(asked).toBeGreaterThan(20);
    expect(kids.size).toBe(5);
    // What was signed before is good until it ends, also where it was never seen.
    expect((await other.send('GET', '/api/v1/me', { token: ada.token })).status).toBe(200);
    expect((await jwks(app)).map(({ kid }) => kid)).toContain(before);
    // A process that looked a moment ago does not look at once again.
    const published = JSON.stringify(await jwks(app));
    await awaitThat(
      () => jwks(other),
      (keys) => JSON.stringify(keys) === published,
    );
  });

  it('publishes a retired key for as long as its tokens live, without its private half', async () => {
    const retired = "SELECT kid, private_key FROM roster.signing_keys WHERE state = 'retired'";
    const rows = await ask<{ kid: string; private_key: Buffer | null }>(asSuperuser(address), retired);
    expect(rows.map((row) => row.private_key)).toEqual(rows.map(() => null));
    app.clock.advance(2 * 3_600_000);
    await pause(250);
    const kids = (await jwks(app)).map(({ kid }) => kid);
    for (const { kid } of rows) expect(kids).not.toContain(kid);
    expect(kids).toHaveLength(2);
    app.clock.advance(-2 * 3_600_000);
  });

  it('rotates once at a time', async () => {
    await Promise.all([app, other, app, other].map((at) => at.get(Keys).rotate()));
    const states = await ask<{ state: string; count: number }>(
      asSuperuser(address),
      "SELECT state, count(*)::int AS count FROM roster.signing_keys WHERE state <> 'retired' GROUP BY state ORDER BY state",
    );
    expect(states).toEqual([
      { state: 'active', count: 1 },
      { state: 'next', count: 1 },
    ]);
  });

  it('names SECRET_KEY when it does not open the keys', async () => {
    const SECRET_KEY = Buffer.alloc(32, 8).toString('base64');
    const { code, stderr } = await runToEnd({ ...onDatabase(address), SECRET_KEY });
    expect(code).toBe(1);
    expect(stderr).toContain('SECRET_KEY does not open the signing keys');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('moves to a new SECRET_KEY, after which the one before is not needed', async () => {
    const [before, after] = [Buffer.alloc(32, 7), Buffer.alloc(32, 9)];
    const moved = await TestApp.start({ database: address, secrets: new Secrets(after, before) });
    await moved.stop();
    const alone = await TestApp.start({ database: address, secrets: new Secrets(after) });
    try {
      expect((await alone.send('GET', '/api/v1/me', { token: ada.token })).status).toBe(200);
      await alone.get(Keys).rotate();
      expect((await (await alone.people.person()).get('/api/v1/me')).status).toBe(200);
    } finally {
      await alone.stop();
    }
  });
});
