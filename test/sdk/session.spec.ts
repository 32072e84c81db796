import { createRoster, inMemory } from '../../sdk/src/index.js';
import type { Roster, TokenStore } from '../../sdk/src/index.js';

const MINUTE = 60_000;
const OLD = { accessToken: 'old', refreshToken: 'old-refresh' };
const granted = (name: string): object => ({ accessToken: name, refreshToken: `${name}-refresh`, expiresIn: 600 });
const json = (body: object, status = 200): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

interface Call {
  readonly path: string;
  readonly authorization: string | null;
}

/** A client whose server is a function of the path. */
function client(
  tokens: TokenStore,
  answer: (path: string) => Response | Promise<Response>,
): { roster: Roster; calls: Call[] } {
  const calls: Call[] = [];
  const roster = createRoster({
    baseUrl: 'http://roster.test/',
    tokens,
    retry: { firstPause: 1 },
    fetch: async (request) => {
      const path = new URL(request.url).pathname;
      calls.push({ path, authorization: request.headers.get('authorization') });
      return answer(path);
    },
  });
  return { roster, calls };
}

async function holding(expiresAt: number): Promise<TokenStore> {
  const tokens = inMemory();
  await tokens.save({ ...OLD, expiresAt });
  return tokens;
}

/** With another platform than Node's own, which has Web Locks since version 24. */
async function withNavigator(value: object, work: () => Promise<void>): Promise<void> {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value });
  try {
    await work();
  } finally {
    if (before) Object.defineProperty(globalThis, 'navigator', before);
    else Reflect.deleteProperty(globalThis, 'navigator');
  }
}

describe('the session of the client', () => {
  it('is renewed once, ahead of its end, for all calls together, also without Web Locks', async () => {
    await withNavigator({}, async () => {
      const { roster, calls } = client(await holding(Date.now() + 25_000), (path) =>
        json(path.endsWith('/refresh') ? granted('new') : { id: '1' }),
      );
      await Promise.all(Array.from({ length: 50 }, () => roster.me.get()));
      expect(calls.filter(({ path }) => path.endsWith('/refresh'))).toHaveLength(1);
      const mine = calls.filter(({ path }) => path.endsWith('/me')).map((call) => call.authorization);
      expect(mine).toEqual(Array.from({ length: 50 }, () => 'Bearer new'));
    });
  });

  it('goes on with a token that still holds when it cannot be renewed', async () => {
    const { roster, calls } = client(await holding(Date.now() + 25_000), (path) => {
      if (path.endsWith('/refresh')) throw new TypeError('no network');
      return json({ id: '1' });
    });
    expect((await roster.me.get()).data).toEqual({ id: '1' });
    expect(calls.at(-1)).toEqual({ path: '/api/v1/me', authorization: 'Bearer old' });
  });

  it('tells of the network when its token has ended and cannot be renewed', async () => {
    const { roster } = client(await holding(Date.now() - MINUTE), () => {
      throw new TypeError('no network');
    });
    await expect(roster.me.get()).rejects.toThrow('no network');
  });

  it('asks again for a renewal whose answer was lost', async () => {
    let lost = 0;
    const { roster, calls } = client(await holding(Date.now() - MINUTE), (path) => {
      if (path.endsWith('/refresh') && (lost += 1) === 1) throw new TypeError('no network');
      return json(path.endsWith('/refresh') ? granted('new') : { id: '1' });
    });
    await roster.me.get();
    expect(calls.map(({ path }) => path.split('/').at(-1))).toEqual(['refresh', 'refresh', 'me']);
  });

  it('is not undone by a renewal of the one before that comes late', async () => {
    const tokens = await holding(Date.now() - MINUTE);
    const { promise, resolve } = Promise.withResolvers<Response>();
    const { roster } = client(tokens, (path) => {
      if (path.endsWith('/refresh')) return promise;
      return json(path.endsWith('/login') ? { ...granted('other'), user: {}, passwordChangeRequired: false } : {});
    });
    const early = roster.me.get();
    await roster.signIn('grace@example.com', 'correct horse battery staple');
    resolve(json(granted('late')));
    await expect(early).rejects.toThrow('while this call was waiting');
    expect(await tokens.load()).toMatchObject({ accessToken: 'other' });
  });

  it('does nothing as somebody else for whoever asked before them', async () => {
    const tokens = await holding(Date.now() + MINUTE);
    const { roster, calls } = client(tokens, async (path) => {
      if (path.endsWith('/login')) return json({ ...granted('other'), user: { id: '2' } });
      // While this is on its way, the page is handed to the next person.
      if (calls.length === 1) await roster.signIn('other', 'password');
      return json({ code: 'token_expired', status: 401 }, 401);
    });
    await expect(roster.me.delete()).rejects.toMatchObject({ code: 'token_expired' });
    expect(calls.filter(({ path }) => path.endsWith('/me'))).toEqual([
      { path: '/api/v1/me', authorization: 'Bearer old' },
    ]);
  });

  it('is not sent as whoever signs in while it waits for a token', async () => {
    const tokens = await holding(Date.now() - 1);
    const { roster, calls } = client(tokens, async (path) => {
      if (path.endsWith('/login')) return json({ ...granted('other'), user: { id: '2' } });
      await roster.signIn('other', 'password');
      return json(granted('new'));
    });
    await expect(roster.me.delete()).rejects.toThrow('while this call was waiting');
    expect(calls.some(({ path }) => path.endsWith('/me'))).toBe(false);
  });

  it('is kept out of public operations, and of calls that bring a token of their own', async () => {
    const { roster, calls } = client(await holding(Date.now() + MINUTE), () => json({}));
    await roster.problems.list();
    await roster.me.get({ headers: { Authorization: 'Bearer mine' } });
    await roster.me.get();
    expect(calls).toEqual([
      { path: '/problems', authorization: null },
      { path: '/api/v1/me', authorization: 'Bearer mine' },
      { path: '/api/v1/me', authorization: 'Bearer old' },
    ]);
  });

  it('is renewed by one tab at a time where there are Web Locks', async () => {
    const tokens = await holding(Date.now() - MINUTE);
    let turn: Promise<unknown> = Promise.resolve();
    const request = <T>(_: string, work: () => Promise<T>): Promise<T> => {
      const mine = turn.then(work);
      turn = mine;
      return mine;
    };
    await withNavigator({ locks: { request } }, async () => {
      const answer = (path: string): Response => json(path.endsWith('/refresh') ? granted('new') : { id: '1' });
      const tabs = [client(tokens, answer), client(tokens, answer)];
      await Promise.all(tabs.map(({ roster }) => roster.me.get()));
      const renewals = tabs.flatMap(({ calls }) => calls).filter(({ path }) => path.endsWith('/refresh'));
      expect(renewals).toHaveLength(1);
    });
  });
});
