import { createClient, createConfig } from './generated/client/index.js';
import { Operations } from './generated/sdk.gen.js';
import type { Me, SignIn, StepUpRequest, VerifyFactorRequest } from './generated/types.gen.js';
import { asProblem, isProblem } from './problem.js';
import { RETRIES, longestTry, sendWithRetry, withKey } from './retry.js';
import type { RetryOptions } from './retry.js';
import { Session, inMemory } from './session.js';
import type { Granted, TokenStore } from './session.js';
import { Users } from './users.js';

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

/** Somebody who signed in. */
export interface SignedIn {
  readonly mfaRequired: false;
  readonly user: Me;
  /** The password was for one use, and has to be changed first. */
  readonly passwordChangeRequired: boolean;
  /** Of a device that is trusted from now on. */
  readonly deviceToken: string | undefined;
}

/** Somebody whose password was right, and who has to show a second factor. */
export interface FactorDue {
  readonly mfaRequired: true;
  readonly mfaToken: string;
  readonly methods: readonly string[];
}

/** Every operation of the document by its name (`roster.users.list`), and signing in and out. */
export class Roster extends Operations {
  constructor(
    args: ConstructorParameters<typeof Operations>[0],
    private readonly session: Session,
  ) {
    super(args);
  }

  private walked?: Users;
  override get users(): Users {
    return (this.walked ??= new Users({ client: this.client }));
  }

  /**
   * Signs in; every call is made as this person from then on, unless a second factor is due: then `showFactor` comes.
   * @param deviceToken of a device that was trusted at an earlier sign-in
   * @throws RosterProblem `sign_in_failed` and others
   */
  async signIn(identifier: string, password: string, deviceToken?: string): Promise<SignedIn | FactorDue> {
    const { data } = await this.auth.login({ body: { identifier, password, deviceToken } });
    return data.mfaRequired
      ? { mfaRequired: true, mfaToken: data.mfaToken!, methods: data.methods! }
      : this.enter(data);
  }

  /** Shows the second factor that a sign-in waits for. @throws RosterProblem `factor_invalid` and others */
  async showFactor(factor: VerifyFactorRequest): Promise<SignedIn> {
    return this.enter((await this.auth.verifyFactor({ body: factor })).data);
  }

  /** Proves once more who somebody is, for what answers `reauthentication_required`; the session goes on under new tokens. */
  async stepUp(proof: StepUpRequest): Promise<SignedIn> {
    // Not minimal: that was not asked for.
    return this.enter((await this.auth.stepUp({ body: proof })).data as SignIn);
  }

  private async enter(data: SignIn): Promise<SignedIn> {
    await this.session.begin(granted(data));
    const { user, passwordChangeRequired = false, deviceToken } = data;
    return { mfaRequired: false, user: user!, passwordChangeRequired, deviceToken };
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

/** A client of a Roster. Calls throw RosterProblem for what the server refuses, and are tried again where that is safe. */
export function createRoster(options: RosterOptions): Roster {
  const { tokens = inMemory(), timeout = 30_000, fetch: given = (request) => fetch(request) } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  const retry = { ...RETRIES, ...options.retry };
  const send = (request: Request): Promise<Response> =>
    sendWithRetry(request, (each) => given(withTimeout(each, Math.min(timeout, longestTry(each)))), retry);
  const session: Session = new Session(tokens, `roster ${baseUrl}`, (refreshToken) => renew(roster, refreshToken));
  // What is made as a person. Public operations are not: signing in may not depend on a session that has ended.
  const personal = new WeakSet<Request>();
  const client = createClient(
    createConfig({
      baseUrl,
      throwOnError: true,
      fetch: (input) => {
        const request = withKey(input as Request);
        return personal.has(request) ? sendAs(session, request, send) : send(request);
      },
    }),
  );
  client.interceptors.request.use((request, { security }) => {
    if (security && !request.headers.has('Authorization')) personal.add(request);
    return request;
  });
  client.interceptors.error.use((error, response) => asProblem(error, response));
  const roster = new Roster({ client }, session);
  return roster;
}

/** Null when the session has ended: whoever asked learns that by the refusal of their own call. */
async function renew(roster: Roster, refreshToken: string): Promise<Granted | null> {
  try {
    return granted((await roster.auth.refresh({ body: { refreshToken } })).data);
  } catch (error) {
    if (isProblem(error) && error.status === 401) return null;
    throw error;
  }
}

/** This client keeps tokens: it never asks for a session by cookies. */
function granted({ accessToken, refreshToken, expiresIn }: SignIn): Granted {
  return { accessToken: accessToken!, refreshToken: refreshToken!, expiresIn: expiresIn! };
}

/** Sends it as whoever is signed in, with a new token if that one has just ended. */
async function sendAs(
  session: Session,
  request: Request,
  send: (request: Request) => Promise<Response>,
): Promise<Response> {
  const { generation } = session;
  const isSame = (): boolean => session.generation === generation;
  const token = await session.token();
  if (!isSame()) throw new Error('Somebody signed in or out while this call was waiting to be sent');
  if (token === null) return send(request);
  const first = request.clone();
  first.headers.set('Authorization', `Bearer ${token}`);
  const response = await send(first);
  if (response.status !== 401 || !(await hasExpired(response.clone()))) return response;
  const renewed = await session.refresh(token);
  // Never as somebody else: what one person asked for is not for the next to have done.
  if (!renewed || !isSame()) return response;
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
