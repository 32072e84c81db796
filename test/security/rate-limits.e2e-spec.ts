import { randomUUID } from 'node:crypto';
import { randomInt } from 'node:crypto';

import { offsetOf } from '../../src/platform/rate-limit/limit.js';
import { RateLimits } from '../../src/platform/rate-limit/rate-limits.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { PASSWORD, unique } from '../harness/people.js';
import { onDatabase, startProcess } from '../harness/process.js';
import type { RunningProcess } from '../harness/process.js';

/** What nobody else in this run has. */
const anAddress = (): string => `10.${randomInt(256)}.${randomInt(256)}.${randomInt(256)}`;
const HOUR = 3_600_000;
/** The same, whose hour has begun not long ago, and does not end when the clock is put forward a little. */
function anAddressAt({ clock }: TestApp): string {
  for (;;) {
    const address = anAddress();
    if ((clock.millis() + offsetOf(address)) % HOUR < HOUR / 2) return address;
  }
}
const anotherGroup = (): string => randomInt(65_536).toString(16);

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: { code?: string } | null;
}

interface Question {
  readonly method?: string;
  readonly from?: string;
  readonly headers?: Record<string, string>;
  readonly body?: object;
  readonly token?: string;
}

/** Asks as somebody at an address. */
async function ask(app: TestApp, url: string, question: Question = {}): Promise<Reply> {
  const { method = 'GET', from = anAddress(), headers = {}, body, token } = question;
  const answer = await app.app.fastify.inject({
    method: method as 'GET',
    url,
    remoteAddress: from,
    headers: { ...headers, ...(token ? { authorization: `Bearer ${token}` } : {}) },
    ...(body ? { payload: body } : {}),
  });
  const json = String(answer.headers['content-type'] ?? '').includes('json');
  return {
    status: answer.statusCode,
    headers: answer.headers as Record<string, string>,
    body: json ? (JSON.parse(answer.payload) as { code?: string }) : null,
  };
}

/** The statuses of so many answers, one after the other. */
async function statuses(times: number, one: (index: number) => Promise<Reply>): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < times; index += 1) all.push((await one(index)).status);
  return all;
}

const count = (all: readonly number[], status: number): number => all.filter((each) => each === status).length;

describe('S58 limits', () => {
  let app: TestApp;
  const settings = {
    RATE_LIMITS: 'on',
    RATE_LIMIT_READ: '10/60s',
    RATE_LIMIT_WRITE: '6/60s',
    RATE_LIMIT_CREDENTIALS: '12/60s',
  };

  beforeAll(async () => {
    app = await TestApp.start({ settings });
    app.clock.stand();
  });
  afterAll(() => app.stop());

  const login = (identifier: string, from: string, password = 'not the password'): Promise<Reply> =>
    ask(app, '/api/v1/auth/login', { method: 'POST', from, body: { identifier, password } });

  it('tell with each answer what is left, and with the refusal when to come again', async () => {
    const from = anAddress();
    const first = await ask(app, '/problems', { from });
    expect(first.headers['ratelimit-policy']).toBe('"read";q=10;w=60');
    expect(first.headers['ratelimit']).toMatch(/^"read";r=9;t=(?:[1-9]|[1-5]\d|60)$/);
    expect(await statuses(9, () => ask(app, '/problems', { from }))).not.toContain(429);
    const refused = await ask(app, '/problems', { from });
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    const [, seconds] = /^"read";r=0;t=(\d+)$/.exec(refused.headers['ratelimit']!)!;
    expect(refused.headers['retry-after']).toBe(seconds);
    app.clock.advance(Number(seconds) * 1000);
    expect((await ask(app, '/problems', { from })).status).not.toBe(429);
  });

  it('count reading and writing apart', async () => {
    const from = anAddress();
    await statuses(10, () => ask(app, '/problems', { from }));
    const written = await ask(app, '/api/v1/users', { method: 'POST', from, body: {} });
    expect(written.status).toBe(401);
    expect(written.headers['ratelimit-policy']).toBe('"write";q=6;w=60');
  });

  it.each([
    ['a path that leads nowhere', 'GET', '/nowhere', 404],
    ['a path that leads nowhere in another way each time', 'GET', '/nowhere/#', 404],
    ['a method that the path does not know', 'DELETE', '/problems', 405],
    ['a URL that cannot be decoded', 'GET', '/%ff', 400],
    ['OPTIONS', 'OPTIONS', '/api/v1/users', 204],
    ['the pages', 'GET', '/docs', 200],
    ['somebody without a token', 'GET', '/api/v1/users', 401],
  ])('hold for %s', async (_, method, url, status) => {
    const from = anAddress();
    const all = await statuses(14, (index) => ask(app, url.replace('#', String(index)), { method, from }));
    const limit = method === 'DELETE' ? 6 : 10;
    expect(all.slice(0, limit)).toEqual(Array(limit).fill(status));
    expect(all.slice(limit)).toEqual(Array(14 - limit).fill(429));
  });

  it.each(['/health', '/health/live', '/health/ready', '/health/startup'])('never hold for %s', async (url) => {
    const from = anAddress();
    expect(await statuses(20, () => ask(app, url, { from }))).toEqual(Array(20).fill(200));
    expect((await ask(app, url, { from })).headers['ratelimit']).toBeUndefined();
  });

  it('take a /64 of IPv6 for one client, and its neighbour for another', async () => {
    const site = `2001:db8:${anotherGroup()}`;
    const all = await statuses(12, () =>
      ask(app, '/problems', { from: `${site}:7:${anotherGroup()}::${anotherGroup()}` }),
    );
    expect([count(all, 200), count(all, 429)]).toEqual([10, 2]);
    expect((await ask(app, '/problems', { from: `${site}:7::1` })).status).toBe(429);
    expect((await ask(app, '/problems', { from: `${site}:8::1` })).status).toBe(200);
  });

  it('take an IPv4 address in IPv6 clothes for itself', async () => {
    const from = anAddress();
    await statuses(10, () => ask(app, '/problems', { from }));
    expect((await ask(app, '/problems', { from: `::ffff:${from}` })).status).toBe(429);
  });

  it('hold for an account from wherever it asks', async () => {
    const { token } = await app.people.person();
    const all = await statuses(12, () => ask(app, '/api/v1/me', { token }));
    expect([count(all, 200), count(all, 429)]).toEqual([10, 2]);
    const other = await app.people.person();
    expect((await ask(app, '/api/v1/me', { token: other.token })).status).toBe(200);
  });

  it('tell of the tighter of two', async () => {
    const { token } = await app.people.person();
    const from = anAddress();
    await statuses(4, () => ask(app, '/problems', { from }));
    expect((await ask(app, '/api/v1/me', { token, from })).headers['ratelimit']).toMatch(/^"read";r=5;/);
    expect((await ask(app, '/api/v1/me', { token })).headers['ratelimit']).toMatch(/^"read";r=8;/);
  });

  it('bound the guesses of one account from one address, and leave its owner in from another', async () => {
    const { email } = await app.people.user();
    const from = anAddress();
    const all = await statuses(4, () => login(email, from));
    expect(all).toEqual([401, 401, 429, 429]);
    expect((await login(email, anAddress(), PASSWORD)).status).toBe(200);
  });

  it('bound the guesses of one account from many addresses, however its name is written', async () => {
    const { email } = await app.people.user();
    const spellings = [email, email.toUpperCase(), ` ${email}`, email.replace('.com', '。com')];
    const all = await statuses(8, (index) => login(spellings[index % 4]!, anAddress()));
    expect(all).toEqual([401, 401, 401, 401, 401, 401, 429, 429]);
    // Not for long: the window is what an attacker can keep the owner out for after the last guess.
    app.clock.advance(60_000);
    expect((await login(email, anAddress(), PASSWORD)).status).toBe(200);
  });

  it('bound what one address tries on many accounts', async () => {
    const from = anAddress();
    const all = await statuses(14, () => login(unique('nobody'), from));
    expect([count(all, 401), count(all, 429)]).toEqual([12, 2]);
  });

  it('bound the guesses of codes for much longer than a minute', async () => {
    const from = anAddressAt(app);
    const guess = (): Promise<Reply> => {
      const body = { flowId: randomUUID(), code: '123456' };
      return ask(app, '/api/v1/auth/email/verify', { method: 'POST', from, body });
    };
    expect(await statuses(12, guess)).toEqual(Array(12).fill(422));
    // All that the minute allows; then the hour counts.
    app.clock.advance(60_000);
    const { status, headers } = await guess();
    expect([status, headers['ratelimit-policy']]).toEqual([429, '"codes";q=12;w=3600']);
  });

  it.each([
    ['passkeys/options', {}, 200],
    ['mfa/verify', { mfaToken: 'x', method: 'recovery_code', code: '0000-0000-0000-0000' }, 422],
    ['magic-link/consume', { token: 'x' }, 422],
    ['password/reset', { token: 'x', password: 'another river under seven bridges' }, 422],
    ['email/revert', { token: 'x' }, 422],
  ])(
    'leave %s to an address whose codes are used up (regressed: they counted as codes)',
    async (door, body, status) => {
      const from = anAddressAt(app);
      const post = (url: string, given: object) =>
        ask(app, `/api/v1/auth/${url}`, { method: 'POST', from, body: given });
      const code = { flowId: randomUUID(), code: '123456' };
      await statuses(12, () => post('email/verify', code));
      app.clock.advance(60_000);
      expect((await post('email/verify', code)).status).toBe(429);
      expect(await post(door, body)).toMatchObject({
        status,
        headers: { 'ratelimit-policy': '"credentials";q=12;w=60' },
      });
    },
  );

  it('bound the guesses of the own password, and not signing in meanwhile', async () => {
    const { token, user } = await app.people.person();
    const body = { currentPassword: 'a wrong one', newPassword: 'another river under seven bridges' };
    const all = await statuses(4, () => ask(app, '/api/v1/me/password', { method: 'POST', token, body }));
    expect(all.slice(2)).toEqual([429, 429]);
    expect(all.slice(0, 2)).not.toContain(429);
    expect((await login(user.email, anAddress(), PASSWORD)).status).toBe(200);
  });

  it.each([null, 7, {}, [], { $ne: null }, 'x'.repeat(1000)])('are no way in for the name %j', async (identifier) => {
    const { status } = await ask(app, '/api/v1/auth/login', { method: 'POST', body: { identifier, password: 'x' } });
    expect(status).toBe(422);
  });

  it('leave neither addresses nor names in the database, and no row for ever', async () => {
    const from = '203.0.113.77';
    const { email } = await app.people.user();
    await login(email, from);
    const rows = await app.sql<{ key: string }>('SELECT key FROM roster.rate_limits');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ key }) => key.includes(from) || key.includes(email))).toEqual([]);
    app.clock.advance(24 * 3_600_000);
    expect(await app.get(RateLimits).prune()).toBeGreaterThan(0);
    const [left] = await app.sql<{ count: number }>(
      'SELECT count(*)::int AS count FROM roster.rate_limits WHERE expire < $1',
      [app.clock.millis()],
    );
    expect(left!.count).toBe(0);
  });

  it('are documented: each operation has its class, its 429 and the headers', () => {
    const { paths } = app.app.document;
    const operations = Object.entries(paths).flatMap(([path, item]) =>
      ['get', 'put', 'post', 'patch', 'delete'].flatMap((method) => {
        const operation = (item as Record<string, never>)[method] as Documented | undefined;
        return operation ? [{ path, operation }] : [];
      }),
    );
    expect(operations.length).toBeGreaterThan(20);
    for (const { path, operation } of operations) {
      const limited = !path.startsWith('/health');
      expect([path, operation['x-rate-limit'] !== 'none']).toEqual([path, limited]);
      expect([path, '429' in operation.responses]).toEqual([path, limited]);
      for (const { headers } of Object.values(operation.responses))
        expect([path, 'RateLimit' in (headers ?? {})]).toEqual([path, limited]);
    }
  });
});

interface Documented {
  'x-rate-limit': string;
  responses: Record<string, { headers?: object }>;
}

describe('S58 the mails that are asked for', () => {
  const DOORS = ['password/forgot', 'magic-link', 'email/resend', 'register'];
  let app: TestApp;

  // By the settings that nobody changed.
  beforeAll(async () => {
    app = await TestApp.start({ settings: { RATE_LIMITS: 'on' } });
    app.clock.stand();
  });
  afterAll(() => app.stop());

  const mail = (door: string, email: string, from: string): Promise<Reply> => {
    const body = { email, ...(door === 'register' ? { password: PASSWORD } : {}) };
    return ask(app, `/api/v1/auth/${door}`, { method: 'POST', from, body });
  };

  it('are bounded for one address that asks, over every door', async () => {
    const [{ email }, from] = [await app.people.user(), anAddress()];
    const all = await statuses(10, (index) => mail(DOORS[index % 4]!, email, from));
    expect(all).toEqual([...Array<number>(6).fill(202), ...Array<number>(4).fill(429)]);
  });

  it('A12 are not taken from their owner by somebody elsewhere (regressed: ten from anywhere shut every door)', async () => {
    const [{ email }, home] = [await app.people.user(), anAddress()];
    await statuses(10, () => mail('password/forgot', email, '203.0.113.66'));
    expect((await mail('password/forgot', email, home)).status).toBe(202);
    expect((await mail('magic-link', email, home)).status).toBe(202);
  });

  it('A12 nor by a crowd, whom they are bounded for', async () => {
    const [{ email }, home] = [await app.people.user(), anAddress()];
    const crowd = Array.from({ length: 12 }, anAddress);
    const all = await statuses(60, (index) => mail('magic-link', email, crowd[index % 12]!));
    // Thirty, of which each of the crowd has two at least.
    expect([count(all, 202), count(all, 429)]).toEqual([30, 30]);
    const own = await statuses(3, () => mail('password/forgot', email, home));
    expect(own).toEqual([202, 202, 429]);
  });
});

describe('limits whose shared count is lost', () => {
  it('go on in memory; it is told once, and the probe is still ready', async () => {
    const lines: string[] = [];
    const app = await TestApp.start({
      settings: { RATE_LIMITS: 'on', RATE_LIMIT_READ: '10/60s' },
      onLog: (line) => lines.push(line),
    });
    app.clock.stand();
    try {
      await app.sql('ALTER TABLE roster.rate_limits RENAME TO rate_limits_away');
      const from = anAddress();
      const all = await statuses(12, () => ask(app, '/problems', { from }));
      expect([count(all, 429), all.slice(10)]).toEqual([2, [429, 429]]);
      await ask(app, '/problems');
      expect(lines.filter((line) => line.includes('The shared limits are lost'))).toHaveLength(1);
      const health = await ask(app, '/health');
      expect(health).toMatchObject({ status: 200, body: { status: 'warn', checks: { limits: [{ status: 'warn' }] } } });
      expect(await app.ground.metrics.text()).toMatch(/rate_limit_store_failures_total [1-9]/);
    } finally {
      await app.sql('ALTER TABLE roster.rate_limits_away RENAME TO rate_limits');
      await app.stop();
    }
  });
});

describe('limits over two processes', () => {
  /** So many seconds, an hour at most, of a window that goes on for the next ten minutes. */
  function longWindow(): number {
    for (let seconds = 3600; ; seconds -= 60) {
      const window = seconds * 1000;
      if ((Date.now() + (offsetOf('127.0.0.1') % window)) % window < window - HOUR / 6) return seconds;
    }
  }

  it('are one, within a tenth', async () => {
    const losses = async ({ management }: RunningProcess): Promise<string> => {
      const answer = await fetch(`${management}/metrics`);
      return /^rate_limit_store_failures_total (\d+)$/m.exec(await answer.text())![1]!;
    };
    // Whoever stands still for a second loses the shared count, rightly, and counts for itself: that says nothing of it.
    for (let isUndisturbed = false, tries = 1; !isUndisturbed; tries += 1) {
      const address = await freshDatabase('limits');
      const settings = { ...onDatabase(address), RATE_LIMITS: 'on', RATE_LIMIT_READ: `400/${longWindow()}s` };
      const processes: RunningProcess[] = [];
      try {
        processes.push(await startProcess(settings), await startProcess(settings));
        let passed = 0;
        // A hundred at a time, to both in turn, until everybody is refused.
        for (let refused = 0; refused < 100;) {
          const all = await Promise.all(
            Array.from({ length: 100 }, async (_, index) => {
              const answer = await fetch(`${processes[index % 2]!.url}/nowhere`);
              await answer.arrayBuffer();
              return answer.status;
            }),
          );
          refused = count(all, 429);
          passed += count(all, 404);
        }
        isUndisturbed = tries === 3 || (await Promise.all(processes.map(losses))).every((lost) => lost === '0');
        if (!isUndisturbed) continue;
        expect(passed).toBeGreaterThanOrEqual(360);
        expect(passed).toBeLessThanOrEqual(440);
      } finally {
        await Promise.all(processes.map((each) => each.stop()));
      }
    }
  }, 180_000);
});
