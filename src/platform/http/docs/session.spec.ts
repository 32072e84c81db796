interface Kept {
  accessToken: string;
  refreshToken?: string;
  name?: string;
}
interface Session {
  kept: Kept | null;
  restore(): void;
  signIn(identifier: string, password: string): Promise<void>;
  signOut(): Promise<void>;
  takeBearer(token: string): void;
  token(): Promise<string | null>;
  renew(): Promise<void>;
}
interface Reply {
  status: number;
  body?: object;
  headers?: Record<string, string>;
}

// Plain JavaScript, for browsers: by a name that TypeScript does not look for.
const file: string = './session.mjs';
const { Session } = (await import(file)) as { Session: new (surroundings: object, changed: object) => Session };

/** A browser whose time, timers, storage and server are in the hands of the test. */
class Browser {
  now = 0;
  readonly asked: string[] = [];
  readonly changes: (string | undefined)[] = [];
  timer: { at: number; run: () => void } | null = null;
  readonly stored = new Map<string, string>();
  private tokens = 0;

  constructor(public answer: (path: string) => Promise<Reply>) {}

  session(): Session {
    const surroundings = {
      fetch: async (path: string) => {
        this.asked.push(path);
        const { status, body, headers = {} } = await this.answer(path);
        const all = { 'content-type': 'application/json', ...headers };
        return new Response(body ? JSON.stringify(body) : null, { status, headers: all });
      },
      storage: {
        getItem: (name: string) => this.stored.get(name) ?? null,
        setItem: (name: string, value: string) => this.stored.set(name, value),
        removeItem: (name: string) => this.stored.delete(name),
      },
      now: () => this.now,
      setTimeout: (run: () => void, after: number) => (this.timer = { at: this.now + after, run }),
      clearTimeout: () => (this.timer = null),
    };
    return new Session(surroundings, (_: Kept | null, why?: string) => this.changes.push(why));
  }

  issue(): Reply {
    this.tokens += 1;
    const user = { name: 'Ada', email: 'ada@example.com' };
    const [accessToken, refreshToken] = [`access ${this.tokens}`, `refresh ${this.tokens}`];
    return { status: 200, body: { accessToken, refreshToken, expiresIn: 600, passwordChangeRequired: false, user } };
  }
}

const refusal = (status: number, code: string, headers = {}): Reply => ({
  status,
  body: { code, title: `It is ${code}` },
  headers,
});

describe('the session of /docs', () => {
  let browser: Browser;
  let session: Session;

  beforeEach(async () => {
    browser = new Browser(() => Promise.resolve(browser.issue()));
    session = browser.session();
    await session.signIn('ada', 'secret');
  });

  it('renews a minute before the end, by one request however many ask', async () => {
    expect(browser.timer!.at).toBe(540_000);
    browser.now = 599_000;
    const tokens = await Promise.all([session.token(), session.token(), session.token()]);
    expect(tokens).toEqual(['access 2', 'access 2', 'access 2']);
    expect(browser.asked).toEqual(['/api/v1/auth/login', '/api/v1/auth/refresh']);
  });

  it('keeps what it has while the server cannot renew, and asks again when that says', async () => {
    browser.now = 540_000;
    browser.answer = () => Promise.resolve(refusal(503, 'service_unavailable', { 'retry-after': '40' }));
    await session.renew();
    expect([session.kept!.accessToken, browser.timer!.at]).toEqual(['access 1', 580_000]);
    browser.answer = () => Promise.reject(new TypeError('Failed to fetch'));
    await session.renew();
    expect([session.kept!.accessToken, browser.timer!.at]).toEqual(['access 1', 555_000]);
  });

  it('ends when the refresh token is refused, and says why', async () => {
    browser.answer = () => Promise.resolve(refusal(401, 'refresh_token_invalid'));
    await session.renew();
    expect([session.kept, browser.stored.size, browser.timer]).toEqual([null, 0, null]);
    expect(browser.changes.at(-1)).toBe('Your session has ended. Sign in again.');
  });

  it('stays signed out when a renewal comes back after signing out', async () => {
    let arrive = (_: Reply): void => undefined;
    browser.answer = (path) =>
      path.endsWith('refresh') ? new Promise((resolve) => (arrive = resolve)) : Promise.resolve({ status: 204 });
    const renewal = session.renew();
    await session.signOut();
    arrive(browser.issue());
    await renewal;
    expect([session.kept, browser.stored.size]).toEqual([null, 0]);
  });

  it('is signed out here even if the server cannot be told', async () => {
    browser.answer = () => Promise.reject(new TypeError('Failed to fetch'));
    await expect(session.signOut()).rejects.toThrow('Failed to fetch');
    expect([session.kept, browser.stored.size]).toEqual([null, 0]);
  });

  it('goes on where it was after a reload, and renews what has ended meanwhile', async () => {
    browser.now = 700_000;
    const anew = browser.session();
    anew.restore();
    expect(anew.kept!.name).toBe('Ada');
    browser.timer!.run();
    expect(await anew.token()).toBe('access 2');
  });

  it('takes a token by hand until it ends, and renews nothing', () => {
    const claims = Buffer.from(JSON.stringify({ exp: 60 })).toString('base64url');
    session.takeBearer(`head.${claims}.signature`);
    expect([session.kept!.refreshToken, browser.timer!.at]).toEqual([undefined, 60_000]);
    browser.timer!.run();
    expect([session.kept, browser.changes.at(-1)]).toEqual([null, 'The bearer token has expired.']);
    session.takeBearer('not a JWT');
    expect([session.kept!.accessToken, browser.timer]).toEqual(['not a JWT', null]);
  });

  it('tells a refusal in the words of its problem, with each fault and how long to wait', async () => {
    const body = {
      code: 'validation_failed',
      title: 'No',
      detail: '2 members are wrong',
      errors: [{ pointer: '/password', detail: 'is missing' }, { detail: 'Use another one.' }],
    };
    browser.answer = () => Promise.resolve({ status: 422, body, headers: { 'retry-after': '3' } });
    await expect(session.signIn('ada', '')).rejects.toThrow(
      '2 members are wrong. password is missing. Use another one. Try again in 3 s.',
    );
    browser.answer = () => Promise.resolve({ status: 502, headers: { 'content-type': 'text/html' } });
    await expect(session.signIn('ada', '')).rejects.toThrow('The server answers 502');
  });
});
