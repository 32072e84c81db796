import type { Principal } from '../platform/http/principal.js';
import type { FieldFault, Problem } from '../platform/contract/problem.js';
import type { Profile } from './user.entity.js';
import type { UserKeys } from './users-in-bulk.repository.js';

export const CONFLICT_RULES = ['skip', 'update', 'fail'] as const;
export type ConflictRule = (typeof CONFLICT_RULES)[number];

/** A user as they are brought along, checked and with the keys by which they are told from others. */
export interface BulkUser {
  readonly profile: Partial<Profile> & Pick<Profile, 'email'>;
  readonly keys: UserKeys;
  /** What they are called where nobody says how. */
  readonly fallbackName: string | null;
  readonly emailVerified: boolean;
  readonly suspended: boolean;
  /** Null where nothing is said of them. */
  readonly roles: readonly string[] | null;
  readonly passwordHash: string | null;
}

export interface Terms {
  /** What becomes of whoever is there already. */
  readonly onConflict: ConflictRule;
  /** Only finds out. */
  readonly dryRun: boolean;
  /** Whose permissions bound what is done; null for the operator of the machine. */
  readonly actor: Pick<Principal, 'userId' | 'actorId' | 'permissions'> | null;
  /** Whom `turnsFor` found: nobody else is changed. */
  readonly turns: ReadonlySet<string>;
}

/** So many users at most are changed by one transaction: each costs the server a lock (platform/database/turn.ts). */
export const MOST_CHANGED = 100;

export const OUTCOMES_IN_BULK = ['created', 'updated', 'skipped', 'failed'] as const;

export interface Outcome {
  readonly status: (typeof OUTCOMES_IN_BULK)[number];
  /** Who it is; null where there is nobody. */
  readonly userId: string | null;
  /** Why they were not taken. */
  readonly fault: FieldFault | null;
}

/** Nobody stands in the way, or somebody does whom this changes. */
type Standing = Outcome | { readonly change: string };

export const TAKEN = {
  email: { pointer: '/email', code: 'email_taken', detail: 'is already in use' },
  username: { pointer: '/username', code: 'username_taken', detail: 'is already in use' },
  externalId: { pointer: '/externalId', code: 'external_id_taken', detail: 'is already in use' },
} as const satisfies Record<string, FieldFault>;

/** Only they themselves, or an administrator who asks for just that, give an account another address. */
const EMAIL_DIFFERS: FieldFault = {
  pointer: '/email',
  code: 'email_differs',
  detail: 'is not the address of the user who has this external id; an import gives nobody another',
};
const NAMELESS: FieldFault = { pointer: '/name', code: 'required', detail: 'is missing' };

/** Who is there already, and what follows for whoever comes. */
export class Standings {
  private readonly byEmail: ReadonlyMap<string, string>;
  private readonly byUsername: ReadonlyMap<string, string>;
  private readonly byExternalId: ReadonlyMap<string, string>;

  constructor(present: readonly (UserKeys & { readonly id: string })[]) {
    const by = (key: keyof UserKeys): Map<string, string> =>
      new Map(present.flatMap((user) => (user[key] === null ? [] : [[user[key], user.id] as const])));
    this.byEmail = by('emailKey');
    this.byUsername = by('usernameKey');
    this.byExternalId = by('externalId');
  }

  /** Somebody is known by the address; where nobody has it, by the external id, and is not changed then. */
  of(user: BulkUser, { onConflict, dryRun }: Pick<Terms, 'onConflict' | 'dryRun'>): Standing {
    const { emailKey, usernameKey, externalId } = user.keys;
    const [byEmail, byExternalId] = [this.byEmail.get(emailKey), this.byExternalId.get(externalId ?? '')];
    const byUsername = this.byUsername.get(usernameKey ?? '');
    const known = byEmail ?? byExternalId;
    const userId = known ?? byUsername ?? null;
    if (userId === null) return newcomer(user, dryRun);
    const fault = byEmail ? TAKEN.email : byExternalId ? TAKEN.externalId : TAKEN.username;
    if (onConflict !== 'update') return { status: onConflict === 'skip' ? 'skipped' : 'failed', userId, fault };
    if (known === undefined) return failed(TAKEN.username);
    if (byExternalId !== undefined && byExternalId !== known) return failed(TAKEN.externalId);
    if (byEmail === undefined) return failed(EMAIL_DIFFERS);
    return byUsername !== undefined && byUsername !== known ? failed(TAKEN.username) : { change: known };
  }
}

/** Whoever could have been added was: those that are left have no name, or whoever stood in their way has just gone. */
function newcomer({ profile, fallbackName }: BulkUser, dryRun: boolean): Outcome {
  if (profile.name === undefined && fallbackName === null) return failed(NAMELESS);
  return dryRun ? { status: 'created', userId: null, fault: null } : failed(TAKEN.email);
}

export function failed(fault: FieldFault): Outcome {
  return { status: 'failed', userId: null, fault };
}

/** What a refusal says of one user. */
export function refusalOf({ definition, detail, faults }: Problem, pointer = ''): FieldFault {
  return faults?.[0] ?? { pointer, code: definition.code, detail: detail ?? definition.title };
}
