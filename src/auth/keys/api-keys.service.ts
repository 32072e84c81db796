import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Mail } from '../../mail/index.js';
import { Revocations } from '../../platform/cache/revocations.js';
import { Clock } from '../../platform/clock/clock.js';
import { hashToken, newId } from '../../platform/crypto/tokens.js';
import { Database } from '../../platform/database/database.js';
import { refuseStale } from '../../platform/http/parameters.js';
import type { Versions } from '../../platform/http/parameters.js';
import type { Principal } from '../../platform/http/principal.js';
import { PermissionDenied } from '../../platform/http/problems.js';
import { refusal } from '../../platform/http/validation.pipe.js';
import { Users } from '../../users/index.js';
import { endOf } from './api-key.entity.js';
import type { KeyRow } from './api-key.entity.js';
import { newKeySecret, prefixOf } from './api-key-secret.js';
import {
  ApiKeyCreated,
  ApiKeyEnded,
  ApiKeyNotFound,
  ApiKeyRenamed,
  ApiKeyRevoked,
  ApiKeyRotated,
  TooManyApiKeys,
} from './api-keys.contract.js';
import { KeyMade } from './api-keys.mails.js';
import { ApiKeysRepository } from './api-keys.repository.js';
import { refuseScopesBeyond } from './scopes.js';

/** Keys of one user that work at the same time. */
const MOST = 100;

/** Who asks, and how far they reach: to their own personal tokens, or to everybody's keys below their ceiling. */
export interface Reach {
  readonly principal: Principal;
  readonly own: boolean;
}

export interface WantedKey {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
}

/** A key and, this once, its secret. */
export interface MadeKey {
  readonly key: KeyRow;
  readonly secret: string;
}

@Injectable()
export class ApiKeys {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly keys: ApiKeysRepository,
    private readonly users: Users,
    private readonly revocations: Revocations,
    private readonly mail: Mail,
  ) {}

  /** What acts for somebody, the newest first: their personal tokens, and the service keys that others made. */
  ownOf(userId: string): Promise<KeyRow[]> {
    return this.keys.shownOf(userId, this.clock.now());
  }

  /** Part of the transaction of a caller who has locked the user. */
  async revokeSince(userId: string, since: Date): Promise<void> {
    await this.revokeAll(userId, ({ createdAt }) => createdAt >= since);
  }

  /** As `revokeSince`. */
  async revokePersonal(userId: string): Promise<void> {
    await this.revokeAll(userId, ({ kind }) => kind === 'personal');
  }

  /** @throws ApiKeyNotFound */
  async get(id: string, { principal, own }: Reach): Promise<KeyRow> {
    const key = await this.keys.find(id);
    if (!key || !this.isShown(key)) throw new ApiKeyNotFound();
    if (own && key.userId !== principal.userId) throw new ApiKeyNotFound();
    return key;
  }

  /**
   * A personal token, or a service key of somebody whom the maker does not exceed in rights; their own account is open
   * to it only if the maker might act in their place anyhow. Whoever it acts for is told.
   * @throws ScopeUnknown, PrivilegeCeiling, ValidationFailed, TooManyApiKeys, UserNotFound
   */
  create(wanted: WantedKey, userId: string, { principal, own }: Reach): Promise<MadeKey> {
    const now = this.clock.now();
    if (wanted.expiresAt && wanted.expiresAt <= now) throw refusal([EXPIRED]);
    refuseScopesBeyond(principal, userId, wanted.scopes);
    return this.db.transaction(async () => {
      const { version, email, locale } = await this.lockOwner(userId, { principal, own });
      const made = await this.insert({ ...wanted, userId, kind: own ? 'personal' : 'service' }, principal);
      const { id: keyId, kind, scopes, expiresAt } = made.key;
      this.events.record(
        ApiKeyCreated,
        { keyId, userId, kind, scopes, expiresAt },
        { subject: `users/${userId}`, version, after: { name: wanted.name } },
      );
      await this.mail.send(KeyMade, { email, locale }, { prefix: made.key.prefix });
      return made;
    });
  }

  /** @throws ApiKeyNotFound, PreconditionFailed, PrivilegeCeiling */
  rename(id: string, name: string, expected: Versions, reach: Reach): Promise<KeyRow> {
    return this.db.transaction(async () => {
      const { key, subject } = await this.lock(id, expected, reach);
      if (key.name === name) return key;
      const renamed = { ...key, name, version: key.version + 1 };
      await this.keys.update(renamed);
      this.events.record(
        ApiKeyRenamed,
        { keyId: id, userId: key.userId },
        { ...subject, before: { name: key.name }, after: { name } },
      );
      return renamed;
    });
  }

  /** In force within a second on every process. @throws ApiKeyNotFound, PreconditionFailed, PrivilegeCeiling */
  async revoke(id: string, expected: Versions, reach: Reach): Promise<void> {
    await this.db.transaction(async () => {
      const { key, subject } = await this.lock(id, expected, reach);
      await this.end(key, subject);
    });
  }

  /**
   * A new key in the place of this one, which works beside it until the overlap ends. It lives as long as this one was
   * made to live.
   * @throws ApiKeyNotFound, ApiKeyEnded, PermissionDenied, PrivilegeCeiling, TooManyApiKeys
   */
  rotate(id: string, overlap: number, reach: Reach): Promise<MadeKey> {
    return this.db.transaction(async () => {
      const { key, subject } = await this.lock(id, null, reach);
      this.refuseRotation(key, reach);
      const { userId, kind, name, scopes, createdAt, expiresAt } = key;
      const now = this.clock.millis();
      const renewed = expiresAt && new Date(now + expiresAt.getTime() - createdAt.getTime());
      const overlapUntil = new Date(now + overlap);
      const successorId = newId();
      await this.keys.update({ ...key, replacedBy: successorId, overlapUntil, version: key.version + 1 });
      const successor = { userId, kind, name, scopes, expiresAt: renewed };
      const made = await this.insert(successor, reach.principal, successorId);
      // Whoever remembers the old key does not know yet when it ends.
      await this.revocations.revoke('key', [id]);
      this.events.record(ApiKeyRotated, { keyId: id, userId, successorId, overlapUntil }, subject);
      return made;
    });
  }

  private refuseRotation(key: KeyRow, { principal, own }: Reach): void {
    if (key.replacedBy !== null || endOf(key) <= this.clock.millis()) throw new ApiKeyEnded();
    if (own && key.kind === 'personal') return;
    // They may end it; whose it is to renew are those who may make it.
    if (own) throw new ApiKeyNotFound();
    // Its secret would be another person's to use.
    if (key.kind === 'personal') throw new PermissionDenied('A personal token is rotated by whose it is');
    refuseScopesBeyond(principal, key.userId, key.scopes);
  }

  private async revokeAll(userId: string, which: (key: KeyRow) => boolean): Promise<void> {
    const keys = await this.keys.shownOf(userId, this.clock.now());
    for (const key of keys.filter(which)) await this.end(key, { subject: `users/${userId}` });
  }

  private async end(key: KeyRow, about: { subject: string; version?: number }): Promise<void> {
    await this.keys.update({ ...key, revokedAt: this.clock.now(), version: key.version + 1 });
    await this.revocations.revoke('key', [key.id]);
    this.events.record(ApiKeyRevoked, { keyId: key.id, userId: key.userId }, about);
  }

  /** The caller has locked the owner, so that nobody else makes the key that is one too many. */
  private async insert(
    { userId, kind, name, scopes, expiresAt }: WantedKey & Pick<KeyRow, 'userId' | 'kind'>,
    maker: Principal,
    id = newId(),
  ): Promise<MadeKey> {
    const secret = newKeySecret(kind);
    const now = this.clock.now();
    const key: KeyRow = {
      id,
      userId,
      kind,
      name,
      prefix: prefixOf(secret),
      scopes: [...scopes].sort(),
      createdAt: now,
      createdBy: maker.userId,
      expiresAt,
      lastUsedAt: null,
      lastUsedIp: null,
      revokedAt: null,
      replacedBy: null,
      overlapUntil: null,
      version: 1,
    };
    await this.keys.insert({ ...key, hash: hashToken(secret) });
    if ((await this.keys.countLive(userId, now)) > MOST) throw new TooManyApiKeys();
    return { key, secret };
  }

  /** The owner is locked first: of many who change one key at the same time, each sees what the one before did. */
  private async lock(
    id: string,
    expected: Versions,
    reach: Reach,
  ): Promise<{ key: KeyRow; subject: { subject: string; version: number } }> {
    const { userId } = await this.get(id, reach);
    const { version } = await this.lockOwner(userId, reach);
    const key = await this.get(id, reach);
    refuseStale(key, expected);
    return { key, subject: { subject: `users/${userId}`, version } };
  }

  private lockOwner(userId: string, { principal, own }: Reach): ReturnType<Users['lock']> {
    return own ? this.users.lock(userId) : this.users.lockFor(principal, userId, null);
  }

  private isShown({ revokedAt, overlapUntil }: KeyRow): boolean {
    return revokedAt === null && (overlapUntil === null || overlapUntil > this.clock.now());
  }
}

const EXPIRED = { pointer: '/expiresAt', code: 'expiry_past', detail: 'must lie in the future' };
