import { setTimeout as pause } from 'node:timers/promises';

import type { TestApp } from '../harness/app.js';
import { PASSWORD } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { codeIn, mailTo, tokenIn } from '../mail/mailbox.js';
import type { Message } from '../mail/mailbox.js';
import { confirmApp } from '../mfa/enrolment.js';

/** As long as a busy machine may need; whoever waits goes on at once. */
const PATIENCE = 30_000;

/** What a sign-in answers, as far as the tests look. */
export interface SignedIn {
  readonly mfaRequired: boolean;
  readonly mfaToken: string;
  readonly methods: string[];
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly user: { readonly id: string; readonly email: string; readonly emailVerified: boolean };
  readonly code: string;
}

/** Something that was begun, and the proofs of its mail. */
export interface Begun {
  readonly flowId: string;
  readonly token: string;
  readonly code: string;
  readonly mail: Message;
}

/** In English; what the mails of each door are about. */
const SUBJECTS = {
  'password/forgot': 'Choose a new password',
  'magic-link': 'Sign in',
  'email/resend': 'Confirm your address',
  register: 'Confirm your address',
} as const;

export type Door = keyof typeof SUBJECTS;

/** The newest mail with this subject, once there are so many. */
export async function awaitLetter(app: TestApp, to: string, subject: string, count = 1): Promise<Message> {
  for (const since = performance.now(); ; await pause(20)) {
    const letters = (await mailTo(app, to)).filter((mail) => mail.subject === subject);
    if (letters.length >= count) return letters[0]!;
    if (performance.now() - since > PATIENCE) throw new Error(`${to} got ${letters.length} mails "${subject}"`);
  }
}

/** Asks at a door that mails to this address, and reads the mail. @param typed the address as it is written at the door */
export async function begin(app: TestApp, door: Door, to: string, typed = to): Promise<Begun> {
  const subject = SUBJECTS[door];
  const before = (await mailTo(app, to)).filter((mail) => mail.subject === subject).length;
  const body = { email: typed, ...(door === 'register' ? { password: PASSWORD, name: 'Grace Hopper' } : {}) };
  const answer = await app.send<{ flowId: string }>('POST', `/api/v1/auth/${door}`, { body });
  if (answer.status !== 202) throw new Error(`${answer.status} ${answer.text}`);
  const mail = await awaitLetter(app, to, subject, before + 1);
  return { flowId: answer.body.flowId, token: tokenIn(mail), code: codeIn(mail), mail };
}

/** Signs in by the password. */
export function login(app: TestApp, identifier: string, password = PASSWORD, headers?: Record<string, string>) {
  return app.send<SignedIn>('POST', '/api/v1/auth/login', { body: { identifier, password }, headers });
}

/** Somebody with a second factor, at the second step of a sign-in; and a code that was not used yet. */
export async function atSecondStep(app: TestApp, person: Person): Promise<{ mfaToken: string; code: string }> {
  const { code } = await confirmApp(app, person);
  const { mfaToken } = (await login(app, person.user.email)).body;
  return { mfaToken, code: code(1) };
}

/** The facts of one type about somebody, as they are written. */
export function factsOf<T = Record<string, unknown>>(
  app: TestApp,
  userId: string,
  type: string,
): Promise<{ data: T; private: Record<string, unknown> }[]> {
  return app.sql(`SELECT data, private FROM roster.events WHERE type = $2 AND data->>'userId' = $1 ORDER BY xid, seq`, [
    userId,
    type,
  ]);
}
