import type { Holding } from './access.repository.js';

/** A permission that somebody is to hold: until when, or for good. */
export interface Gift {
  readonly permission: string;
  readonly expiresAt: Date | null;
}

/** Until when each permission is held; null for good. */
export type Ends = ReadonlyMap<string, Date | null>;

export function lastsFor({ permission, expiresAt }: Gift, ends: Ends): boolean {
  const end = ends.get(permission);
  return end === null || (end !== undefined && expiresAt !== null && expiresAt <= end);
}

export function earlier(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}

/** By whatever lasts longest. */
export function endsOf(holdings: readonly Holding[]): Ends {
  const ends = new Map<string, Date | null>();
  for (const holding of holdings) {
    const end = holding.kind === 'role' ? null : holding.expiresAt;
    const known = ends.get(holding.permission);
    if (known === undefined || end === null || (known !== null && end > known)) ends.set(holding.permission, end);
  }
  return ends;
}
