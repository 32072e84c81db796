import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { PasswordHasher } from './password-hashing.js';
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
  constructor(
    private readonly clock: Clock,
    private readonly hasher: PasswordHasher,
    private readonly passwords: PasswordsRepository,
    private readonly secrets: Secrets,
    jobs: Jobs,
  ) {
    jobs.work(ResealKeys, () => this.resealAll(), { cron: '47 3 * * *' });
  }

  /** Whether a sign-in could verify this hash, at a cost that we would spend. */
  canVerify(hash: string): boolean {
    return this.hasher.canVerify(hash);
  }

  /** How each hash of a project of Firebase is kept: what comes before `$<salt>$<hash>`. */
  firebasePrefix({ signerKey, saltSeparator, rounds, memoryCost }: FirebaseParameters): string {
    const key = this.secrets.seal(PURPOSE, signerKey).toString('base64url');
    return `$firebase-scrypt$${key}$m=${memoryCost},r=${rounds},s=${saltSeparator.toString('base64url')}`;
  }

  /** A kept hash as it can be verified. */
  open(hash: string): string {
    const [, kind, sealed, rest] = KEYED.exec(hash) ?? [];
    if (sealed === undefined) return hash;
    return `${kind}${this.secrets.open(PURPOSE, Buffer.from(sealed, 'base64url')).toString('base64url')}${rest}`;
  }

  /** Gives each of these users, who have none, the hash beside them. Part of the caller's transaction. */
  adopt(userIds: readonly string[], hashes: readonly string[]): Promise<void> {
    return this.passwords.insertAll(userIds, hashes, this.clock.now());
  }

  /** Those of these users who have a password. */
  async holders(userIds: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(await this.passwords.holders(userIds));
  }

  /** What was sealed under the key before is sealed anew, so that that key can be taken away. */
  private async resealAll(): Promise<void> {
    for (let last: string | null = null; ;) {
      const batch: { userId: string; hash: string }[] = await this.passwords.keyedAfter(last, BATCH);
      for (const { userId, hash } of batch) {
        const renewed = this.resealed(hash);
        if (renewed !== null) await this.passwords.rehash(userId, hash, renewed);
      }
      if (batch.length < BATCH) return;
      last = batch.at(-1)!.userId;
    }
  }

  private resealed(hash: string): string | null {
    const [, kind, sealed, rest] = KEYED.exec(hash)!;
    const key = this.secrets.reseal(PURPOSE, Buffer.from(sealed!, 'base64url'));
    return key && `${kind}${key.toString('base64url')}${rest}`;
  }
}
