import { Injectable } from '@nestjs/common';

import { Access } from '../access/index.js';
import { Passwords } from '../passwords/index.js';
import { Revocations } from '../platform/cache/revocations.js';
import { Clock } from '../platform/clock/clock.js';
import type { Principal } from '../platform/http/principal.js';
import { TokenRevoked } from '../platform/http/problems.js';
import { Users, statusOf } from '../users/index.js';
import type { AccessTokenClaims } from './access-tokens.js';
import { Impersonate } from './auth.contract.js';
import { narrowed } from './keys/scopes.js';
import { PrincipalCache } from './principal-cache.js';
import { Proofs } from './proofs.service.js';
import type { Proof } from './proofs.service.js';

type Rights = Awaited<ReturnType<Access['rightsOf']>>;

const NOTHING: ReadonlySet<string> = new Set();

/** Who a token or a key stands for: remembered by its hash, for as long as nothing about them is taken away. */
@Injectable()
export class Principals {
  private readonly cache = new PrincipalCache();

  constructor(
    private readonly clock: Clock,
    private readonly access: Access,
    private readonly passwords: Passwords,
    private readonly users: Users,
    private readonly proofs: Proofs,
    private readonly revocations: Revocations,
  ) {
    revocations.onRevoked((kind, subject) => this.cache.forget(kind, subject));
  }

  /**
   * The principal of a token that was verified before; null if it has to be verified (again): also when a right of
   * theirs has lapsed, for they are somebody else from then on, though the token may still be good.
   */
  remembered(tokenHash: string): Principal | null {
    const known = this.revocations.areFresh() ? this.cache.get(tokenHash) : null;
    return known && known.expiresAt > this.clock.millis() ? known : null;
  }

  /** Whoever the claims of a verified access token are about. @throws TokenRevoked, TokenInvalid */
  ofToken(claims: AccessTokenClaims, tokenHash: string): Promise<Principal> {
    return this.build(tokenHash, () => this.proofs.ofToken(claims));
  }

  /** Whoever a key acts for. @throws TokenRevoked, TokenExpired, TokenInvalid */
  ofKey(secret: string, tokenHash: string): Promise<Principal> {
    return this.build(tokenHash, () => this.proofs.ofKey(secret));
  }

  /** Asks the database who this is. The one builder of principals. */
  private async build(tokenHash: string, prove: () => Promise<Proof>): Promise<Principal> {
    const { generation } = this.cache;
    const { scopes, ...proof } = await prove();
    const status = statusOf(await this.users.get(proof.userId), this.clock.now());
    if (status === 'deleted' || status === 'suspended') throw new TokenRevoked();
    const { permissions: held, until, mfaRequired } = await this.rightsOf(proof);
    const principal: Principal = {
      ...proof,
      ...(scopes === null ? { permissions: held, withheld: NOTHING } : narrowed(held, scopes)),
      expiresAt: Math.min(proof.expiresAt, until?.getTime() ?? Infinity),
      secondFactorRequired: mfaRequired && proof.keyId === null && !proof.amr.includes('mfa'),
      passwordChangeRequired: proof.amr.includes('pwd') && (await this.passwords.isChangeRequired(proof.userId)),
    };
    // Something was taken away while we asked: what we read may be older, so it serves this request only. So does what
    // is about to change: whoever has changed their password may go on at once, at every process.
    if (generation === this.cache.generation && !principal.passwordChangeRequired) this.cache.set(tokenHash, principal);
    return principal;
  }

  /** Of whoever acts for another, no more than both may: rights that the other was given since are not theirs. */
  private async rightsOf({ userId, actorId }: Pick<Proof, 'userId' | 'actorId'>): Promise<Rights> {
    const own = await this.access.rightsOf(userId);
    if (actorId === null) return own;
    const status = statusOf(await this.users.get(actorId), this.clock.now());
    const actors = await this.access.rightsOf(actorId);
    if (status !== 'active' || !actors.permissions.has(Impersonate.name)) throw new TokenRevoked();
    return {
      permissions: new Set([...own.permissions].filter((permission) => actors.permissions.has(permission))),
      until: earlier(own.until, actors.until),
      // They proved who they are as themselves.
      mfaRequired: false,
    };
  }
}

function earlier(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}
