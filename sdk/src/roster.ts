import { createClient, createConfig } from './generated/client/index.js';
import { Operations } from './generated/sdk.gen.js';
import type { Me, Tokens as Granted } from './generated/types.gen.js';
import { asProblem, isProblem } from './problem.js';
import { RETRIES, sendWithRetry, withKey } from './retry.js';
import type { RetryOptions } from './retry.js';
import { Session, inMemory } from './session.js';
import type { TokenStore } from './session.js';

export interface RosterOptions {
  /** Where Roster is, `https://id.example.com`. */
  readonly baseUrl: string;
  /** Where tokens are kept: in memory unless said otherwise. */
  readonly tokens?: TokenStore;
  readonly fetch?: (request: Request) => Promise<Response>;
  /** The longest that one try may take, in milliseconds. Default 30 s. */
  readonly timeout?: number;
  readonly retry?: Partial<RetryOptions>;
}

/** Every operation of the document by its name (`roster.users.list`), and signing in and out. */
export class Roster extends Operations {
  constructor(
    args: ConstructorParameters<typeof Operations>[0],
    private readonly session: Session,
  ) {
    super(args);
  }

  /**
   * Signs in; every call is made as this person from then on.
   * @returns who it is, and whether the password was for one use and has to be changed first
   * @throws RosterProblem `sign_in_failed` and others
   */
  async signIn(identifier: string, password: string): Promise<{ user: Me; passwordChangeRequired: boolean }> {
    const { data } = await this.auth.login({ body: { identifier, password } });
    await this.session.begin(data);
    return { user: data.user, passwordChangeRequired: data.passwordChangeRequired };
  }

  /** Ends the session here and on the server. */
  async signOut(): Promise<void> {
    try {
      await this.auth.logout();
    } catch (error) {
      // Ended already: that is what was wanted.
      if (!isProblem(error, 'token_missing', 'token_invalid', 'token_expired', 'token_revoked')) throw error;
    } finally {
      await this.session.begin(null);
    }
  }
}

let made = 0;

/** A client of a Roster. Calls throw RosterProblem for what the server refuses, and are tried again where that is safe. */
export function createRoster(options: RosterOptions): Roster {
  const { baseUrl, tokens = inMemory(), timeout = 30_000, fetch: given = (request) => fetch(request) } = options;
  const retry = { ...RETRIES, ...options.retry };
  const send = (request: Request): Promise<Response> =>
    sendWithRetry(request, (each) => given(withTimeout(each, timeout)), retry);
  const session = new Session(tokens, `roster ${baseUrl}`, async (refreshToken) => {
    const body = JSON.stringify({ refreshToken });
    const headers = { 'Content-Type': 'application/json' };
    const answer = await send(new Request(`${baseUrl}/api/v1/auth/refresh`, { method: 'POST', headers, body }));
    if (answer.ok) return (await answer.json()) as Granted;
    const told: unknown = asProblem(await answer.json(), answer);
    // The session has ended: that is for whoever asked to learn, by its own refusal.
    if (isProblem(told) && told.status === 401) return null;
    throw told;
  });
  const client = createClient(
    createConfig({
      baseUrl,
      throwOnError: true,
      fetch: (input) => sendAs(session, withKey(input as Request), send),
    }),
  );
  client.interceptors.error.use((error, response) => asProblem(error, response));
  return new Roster({ client, key: `roster-${(made += 1)}` }, session);
}

/** Sends it as whoever is signed in, with a new token if that one has just ended. */
async function sendAs(
  session: Session,
  request: Request,
  send: (request: Request) => Promise<Response>,
): Promise<Response> {
  const token = await session.token();
  if (token === null || request.headers.has('Authorization')) return send(request);
  const first = request.clone();
  first.headers.set('Authorization', `Bearer ${token}`);
  const response = await send(first);
  if (response.status !== 401 || !(await hasExpired(response.clone()))) return response;
  const renewed = await session.refresh(token);
  if (!renewed) return response;
  request.headers.set('Authorization', `Bearer ${renewed.accessToken}`);
  return send(request);
}

async function hasExpired(response: Response): Promise<boolean> {
  const told = (await response.json().catch(() => ({ code: 'no JSON' }))) as { code?: string };
  return told.code === 'token_expired';
}

function withTimeout(request: Request, milliseconds: number): Request {
  return new Request(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(milliseconds)]) });
}
