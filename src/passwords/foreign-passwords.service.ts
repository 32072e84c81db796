import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { SealBroken, Secrets } from '../platform/crypto/secrets.js';
import { Logs } from '../platform/logging/logger.js';
import type { PasswordHash } from './password-hash.entity.js';
import { PasswordHasher } from './password-hashing.js';
import { PasswordChanged } from './passwords.contract.js';
import { PasswordsRepository } from './passwords.repository.js';

const PURPOSE = 'foreign-password-keys';
/** The key of the project stands first, sealed: without it what is in the database cannot be tried by force. */
const KEYED = /^(\$firebase-scrypt\$)([\w-]+)(\$.*)$/;
const BATCH = 500;

const ResealKeys = defineJob('password_keys.reseal', { maxAttempts: 3, cancellable: false });

/** What hashes of Firebase were made with, beside the password: its console shows them for each project. */
export interface FirebaseParameters {
  readonly signerKey: Buffer;
  readonly saltSeparator: Buffer;
  readonly rounds: number;
  readonly memoryCost: number;
}

/** Password hashes that people bring along from other systems. */
@Injectable()
export class ForeignPasswords {
  private readonly log;

  constructor(
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly hasher: PasswordHasher,
    private readonly passwords: PasswordsRepository,
    private readonly secrets: Secrets,
    jobs: Jobs,
    logs: Logs,
  ) {
    this.log = logs.of('passwords');
    jobs.work(ResealKeys, () => this.resealAll(), { cron: '47 3 * * *' });
  }

  /** Whether a sign-in could verify this hash, at a cost that we would spend. A sealed key has to be of our sealing. */
  canVerify(hash: string): boolean {
    const opened = this.opened(hash);
    return opened !== null && this.hasher.canVerify(opened);
  }

  /** How each hash of a project of Firebase is kept: what comes before `$<salt>$<hash>`. */
  firebasePrefix({ signerKey, saltSeparator, rounds, memoryCost }: FirebaseParameters): string {
    const key = this.secrets.seal(PURPOSE, signerKey).toString('base64url');
    return `$firebase-scrypt$${key}$m=${memoryCost},r=${rounds},s=${saltSeparator.toString('base64url')}`;
  }

  /** A kept hash as it can be verified; null for one that no password fits any more, which is put in the log. */
  open({ userId, hash }: PasswordHash): string | null {
    const opened = this.opened(hash);
    if (opened !== null && this.hasher.canRead(opened)) return opened;
    this.log.warn({ userId }, 'A password hash cannot be read: its owner needs a new password');
    return null;
  }

  /** Gives each of these users, who are new, the hash beside them. Part of the caller's transaction. */
  bring(userIds: readonly string[], hashes: readonly string[]): Promise<void> {
    const kept = hashes.map((hash) => this.hasher.foreignForm(hash));
    return this.passwords.insertAll(userIds, kept, this.clock.now());
  }

  /** The same for users who were there, and have none: for each a fact. */
  async adopt(userIds: readonly string[], hashes: readonly string[]): Promise<void> {
    await this.bring(userIds, hashes);
    for (const userId of userIds) this.events.record(PasswordChanged, { userId }, { subject: `users/${userId}` });
  }

  /** Those of these users who have a password. */
  async holders(userIds: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(await this.passwords.holders(userIds));
  }

  /** What was sealed under the key before is sealed anew, so that that key can be taken away. */
  private async resealAll(): Promise<void> {
    let broken = 0;
    for (let last: string | null = null; ;) {
      const batch: { userId: string; hash: string }[] = await this.passwords.keyedAfter(last, BATCH);
      for (const { userId, hash } of batch) {
        const renewed = this.resealed(hash);
        if (renewed === null) broken += 1;
        else if (renewed !== hash) await this.passwords.rehash(userId, hash, renewed);
      }
      if (batch.length < BATCH) break;
      last = batch.at(-1)!.userId;
    }
    if (broken > 0) this.log.warn({ broken }, 'Password hashes cannot be read: their owners need new passwords');
  }

  /** The hash with its key in clear; null if we did not seal it. */
  private opened(hash: string): string | null {
    return rekeyed(hash, (sealed) => this.secrets.open(PURPOSE, sealed));
  }

  /** The hash with its key sealed under the present secret; null if we did not seal it. */
  private resealed(hash: string): string | null {
    return rekeyed(hash, (sealed) => this.secrets.reseal(PURPOSE, sealed) ?? sealed);
  }
}

/** The hash with another key in the place of its own, if it has one; null if that one's seal is broken. */
function rekeyed(hash: string, renew: (sealed: Buffer) => Buffer): string | null {
  const [, kind, sealed, rest] = KEYED.exec(hash) ?? [];
  if (sealed === undefined) return hash;
  try {
    return `${kind}${renew(Buffer.from(sealed, 'base64url')).toString('base64url')}${rest}`;
  } catch (error) {
    if (error instanceof SealBroken) return null;
    throw error;
  }
}
