import type { TestApp } from '../harness/app.js';

/** A factor as the API shows it; those of one kind have more. */
export interface ShownFactor {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly createdAt: string;
  readonly confirmedAt: string | null;
  readonly lastUsedAt: string | null;
  readonly version: number;
  readonly secret: string;
  readonly uri: string;
  readonly qrCode: string;
  readonly transports: string[];
  readonly backedUp: boolean;
  readonly aaguid: string | null;
  readonly recoveryCodes: string[];
}

export interface ListOf<T> {
  readonly data: T[];
}

/** The facts about somebody but for their creation and their sign-in. */
export async function newFactsAbout(app: TestApp, userId: string): Promise<string[]> {
  return (await app.factsAbout(userId)).filter((type) => type !== 'user.created' && type !== 'password.changed');
}

/** The last fact of a type about somebody, as it is written. */
export async function factOf(
  app: TestApp,
  userId: string,
  type: string,
): Promise<{ data: Record<string, unknown>; private: Record<string, unknown> }> {
  const [row] = await app.sql<{ data: Record<string, unknown>; private: Record<string, unknown> }>(
    'SELECT data, private FROM roster.events WHERE subject = $1 AND type = $2 ORDER BY xid DESC, seq DESC LIMIT 1',
    [`users/${userId}`, type],
  );
  return row!;
}
