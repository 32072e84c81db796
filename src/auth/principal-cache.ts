import type { RevocationKind } from '../platform/cache/revocations.js';
import type { Principal } from '../platform/http/principal.js';

const MOST = 20_000;

/** A bounded map of principals by the SHA-256 of their token, that can forget by session and by user. */
export class PrincipalCache {
  /** Rises whenever something is forgotten. */
  generation = 0;
  private readonly principals = new Map<string, Principal>();
  private readonly hashes = new Map<string, Set<string>>();

  get(hash: string): Principal | null {
    return this.principals.get(hash) ?? null;
  }

  set(hash: string, principal: Principal): void {
    if (this.principals.size >= MOST) this.drop(this.principals.keys().next().value!);
    this.principals.set(hash, principal);
    for (const owner of ownersOf(principal)) {
      const hashes = this.hashes.get(owner);
      if (hashes) hashes.add(hash);
      else this.hashes.set(owner, new Set([hash]));
    }
  }

  forget(kind: RevocationKind, subject: string): void {
    this.generation += 1;
    if (kind === 'everybody') {
      this.principals.clear();
      this.hashes.clear();
      return;
    }
    for (const hash of this.hashes.get(`${kind}:${subject}`) ?? []) this.drop(hash);
  }

  private drop(hash: string): void {
    const principal = this.principals.get(hash);
    if (!principal) return;
    this.principals.delete(hash);
    for (const owner of ownersOf(principal)) {
      const hashes = this.hashes.get(owner);
      hashes?.delete(hash);
      if (hashes?.size === 0) this.hashes.delete(owner);
    }
  }
}

function ownersOf({ userId, sessionId, keyId, actorId }: Principal): string[] {
  const owners = [`user:${userId}`];
  if (sessionId !== null) owners.push(`session:${sessionId}`);
  if (keyId !== null) owners.push(`key:${keyId}`);
  // Whoever loses a right loses it also where they act for another.
  if (actorId !== null) owners.push(`user:${actorId}`);
  return owners;
}
