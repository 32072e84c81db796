import type { TestApp } from '../harness/app.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { awaitMail, codeIn } from '../mail/mailbox.js';
import type { Message } from '../mail/mailbox.js';

/** An invitation as the API shows it. */
export interface Invitation {
  readonly id: string;
  readonly userId: string;
  readonly email: string;
  readonly status: string;
  readonly roles: string[];
  readonly invitedBy: string | null;
  readonly createdAt: string;
  readonly sentAt: string;
  readonly expiresAt: string;
  readonly acceptedAt: string | null;
  readonly revokedAt: string | null;
  readonly flowId: string;
  readonly version: number;
}

/** Somebody who was invited, and the proofs of the newest mail. */
export interface Invitee {
  readonly invitation: Invitation;
  readonly token: string;
  readonly code: string;
}

export function tokenIn({ text }: Message): string {
  return /\/accept-invitation#token=([\w-]{43})/.exec(text)![1]!;
}

export async function newestProofs(app: TestApp, email: string, mails = 1): Promise<{ token: string; code: string }> {
  const [newest] = await awaitMail(app, email, mails);
  return { token: tokenIn(newest!), code: codeIn(newest!) };
}

export async function invite(app: TestApp, by: Person, wanted: object = {}): Promise<Invitee> {
  const body = { email: `${unique('invited')}@example.com`, name: 'Grace Hopper', ...wanted };
  const answer = await by.post<Invitation>('/api/v1/invitations', body);
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
  return { invitation: answer.body, ...(await newestProofs(app, body.email)) };
}
