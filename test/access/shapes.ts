import type { TestApp } from '../harness/app.js';

/** A role as the API shows it. */
export interface ShownRole {
  readonly id: string;
  readonly name: string;
  readonly about: string;
  readonly permissions: string[];
  readonly mfaRequired: boolean;
  readonly builtIn: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly version: number;
}

export interface ShownReason {
  readonly kind: 'role' | 'grant';
  readonly role?: string;
  readonly expiresAt?: string | null;
  readonly grantedAt?: string;
  readonly grantedBy?: string | null;
  readonly reason?: string | null;
}

/** What a user may, as the API shows it. */
export interface ShownPermissions {
  readonly permissions: { readonly permission: string; readonly reasons: ShownReason[] }[];
  readonly userVersion: number;
}

export interface Fact {
  readonly type: string;
  readonly version: number;
  readonly data: Record<string, unknown>;
  readonly private: { actorId: string; before?: object; after?: object };
}

/** The facts about a role or a user, in the order of their commits. */
export function factsAbout(app: TestApp, subject: string): Promise<Fact[]> {
  return app.sql<Fact>(
    'SELECT type, subject_version AS version, data, private FROM roster.events WHERE subject = $1 ORDER BY xid, seq',
    [subject],
  );
}
