import type { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD, Person } from '../harness/people.js';
import type { UserRow } from '../../src/users/index.js';

/** What a way in answers: tokens, cookies and a CSRF token, the token of a second step, or a problem. */
export interface SignIn {
  readonly mfaRequired: boolean;
  readonly mfaToken: string;
  readonly methods: string[];
  readonly accessToken: string;
  readonly expiresIn: number;
  readonly refreshToken: string;
  readonly csrfToken: string;
  readonly deviceToken: string;
  readonly user: { readonly id: string };
  readonly code: string;
  readonly errors?: { readonly pointer: string; readonly code: string }[];
}

export interface Claims {
  readonly sub: string;
  readonly sid: string;
  readonly amr: string[];
  readonly iat: number;
  readonly exp: number;
  readonly auth_time: number;
  readonly act?: { readonly sub: string };
}

export interface Fact {
  readonly type: string;
  readonly subject: string;
  readonly data: Record<string, unknown>;
  readonly private: Record<string, unknown>;
}

export function login(app: TestApp, { email }: UserRow, more: object = {}): Promise<Answer<SignIn>> {
  return app.send<SignIn>('POST', '/api/v1/auth/login', { body: { identifier: email, password: PASSWORD, ...more } });
}

export function verify(app: TestApp, mfaToken: string, proof: object, more: object = {}): Promise<Answer<SignIn>> {
  return app.send<SignIn>('POST', '/api/v1/auth/mfa/verify', { body: { mfaToken, ...proof, ...more } });
}

export function claimsIn(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Claims;
}

/** Whoever was let in. */
export function whoCameIn(app: TestApp, user: UserRow, { accessToken, refreshToken }: SignIn): Person {
  return new Person(app, user, accessToken, refreshToken, claimsIn(accessToken).sid);
}

/** The facts that one request recorded, in the order of their making. */
export function factsOf(app: TestApp, { headers }: Pick<Answer, 'headers'>): Promise<Fact[]> {
  return app.sql<Fact>(
    `SELECT type, subject, data, private FROM roster.events WHERE private->>'requestId' = $1 ORDER BY xid, seq`,
    [headers['x-request-id']],
  );
}

export async function typesOf(app: TestApp, answer: Pick<Answer, 'headers'>): Promise<string[]> {
  return (await factsOf(app, answer)).map(({ type }) => type);
}

/** Status and code of a refusal. */
export function refusalIn(answer: Answer<{ code: string }>): [number, string | undefined] {
  return [answer.status, answer.body?.code];
}

export async function sessionsOf(app: TestApp, userId: string): Promise<number> {
  return (await app.sql('SELECT 1 FROM roster.sessions WHERE user_id = $1 AND ended_at IS NULL', [userId])).length;
}

/** Another access token of the same session, as old as the session; the one before may have expired. */
export async function refreshed(app: TestApp, person: Person): Promise<Person> {
  const { body } = await app.send<SignIn>('POST', '/api/v1/auth/refresh', {
    body: { refreshToken: person.refreshToken },
  });
  return whoCameIn(app, person.user, body);
}
