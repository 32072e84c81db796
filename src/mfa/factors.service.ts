import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Database } from '../platform/database/database.js';
import type { Versions } from '../platform/http/parameters.js';
import { Users } from '../users/index.js';
import { CredentialLetters } from './credential-letters.service.js';
import type { Owner } from './credential-letters.service.js';
import type { Factor, FactorKind, FactorRow } from './factor.entity.js';
import { FactorsRepository } from './factors.repository.js';
import {
  FactorAdded,
  FactorConfirmed,
  FactorNotFound,
  FactorRefused,
  FactorRemoved,
  FactorRenamed,
  FactorsReset,
  TooManyFactors,
} from './mfa.contract.js';
import type { CredentialChange } from './mfa.mails.js';
import { RecoveryCodes } from './recovery-codes.service.js';
import { TrustedDevices } from './trusted-devices.service.js';
import { refuseStale } from './versions.js';

const MOST_FACTORS = 10;

/** What all factors have in common, whatever they are: they are named, counted, removed, and told of. */
@Injectable()
export class Factors {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly users: Users,
    private readonly factors: FactorsRepository,
    private readonly recoveryCodes: RecoveryCodes,
    private readonly devices: TrustedDevices,
    private readonly letters: CredentialLetters,
  ) {}

  list(userId: string): Promise<FactorRow[]> {
    return this.factors.ofUser(userId);
  }

  confirmedKindsOf(userId: string): Promise<FactorKind[]> {
    return this.factors.confirmedKindsOf(userId);
  }

  isAnyOlderThan(userId: string, moment: Date): Promise<boolean> {
    return this.factors.isAnyOlderThan(userId, moment);
  }

  /** @param kind the only one that will do; null for any @throws FactorNotFound */
  async get(userId: string, id: string, kind: FactorKind | null = null): Promise<FactorRow> {
    const factor = await this.factors.find(id, userId);
    if (!factor || (kind !== null && factor.kind !== kind)) throw new FactorNotFound();
    return factor;
  }

  /** Part of the transaction of a caller who has locked the owner, as is all that takes one. @throws TooManyFactors */
  async add(owner: Owner, factor: Factor): Promise<void> {
    await this.refuseFull(owner.id);
    await this.factors.insert(factor);
    this.events.record(FactorAdded, factOf(factor), { ...about(owner.id), after: { name: factor.name } });
  }

  /** @throws TooManyFactors */
  async refuseFull(userId: string): Promise<void> {
    if ((await this.factors.countOf(userId)) >= MOST_FACTORS) throw new TooManyFactors();
  }

  /** A factor is good from now on. @returns the recovery codes, if it is the only one that is; they are shown once */
  async confirmed(owner: Owner, factor: Pick<Factor, 'id' | 'userId' | 'kind'>): Promise<string[]> {
    this.events.record(FactorConfirmed, factOf(factor), about(owner.id));
    const isFirst = (await this.factors.countConfirmedOf(owner.id)) === 1;
    const codes = isFirst ? await this.recoveryCodes.make(owner.id) : [];
    await this.letters.tell(owner, `${factor.kind}_added`, ...(isFirst ? ['codes_made' as const] : []));
    return codes;
  }

  /** Part of the caller's transaction, which has to be committed before the refusal is thrown. */
  refused(userId: string, kind: FactorKind, factorId: string | null): void {
    this.events.record(FactorRefused, { userId, factorId, kind }, about(userId));
  }

  /** @throws FactorNotFound, PreconditionFailed */
  rename(
    userId: string,
    id: string,
    name: string | undefined,
    expected: Versions,
    kind: FactorKind | null = null,
  ): Promise<FactorRow> {
    return this.db.transaction(async () => {
      const owner = await this.users.lock(userId);
      const factor = await this.get(userId, id, kind);
      refuseStale(factor.version, expected);
      if (name === undefined || name === factor.name) return factor;
      const renamed = await this.factors.rename(id, name);
      const circumstances = { ...about(userId), before: { name: factor.name }, after: { name } };
      this.events.record(FactorRenamed, factOf(factor), circumstances);
      await this.letters.tell(owner, `${factor.kind}_renamed`);
      return renamed;
    });
  }

  /** With the last one go the recovery codes and the trusted devices. @throws FactorNotFound, PreconditionFailed */
  async remove(userId: string, id: string, expected: Versions, kind: FactorKind | null = null): Promise<void> {
    await this.db.transaction(async () => {
      const owner = await this.users.lock(userId);
      const factor = await this.get(userId, id, kind);
      refuseStale(factor.version, expected);
      await this.factors.delete(id);
      this.events.record(FactorRemoved, factOf(factor), { ...about(userId), before: { name: factor.name } });
      // One that was never good could do nothing: nobody has to be told that it is gone.
      if (factor.confirmedAt === null) return;
      const isLast = (await this.factors.countConfirmedOf(userId)) === 0;
      const gone = isLast ? await this.removeWhatHungOnThem(userId) : [];
      await this.letters.tell(owner, `${factor.kind}_removed`, ...gone);
    });
  }

  /** Takes everything away from somebody who has lost it. Part of the caller's transaction. */
  async resetAll(userId: string, reason: string): Promise<void> {
    const owner = await this.users.lock(userId);
    const removed = await this.factors.deleteAllOf(userId);
    await this.removeWhatHungOnThem(userId);
    this.events.record(FactorsReset, { userId, factors: removed }, { ...about(userId), reason });
    await this.letters.tell(owner, 'reset');
  }

  /** Takes away what was added since then, and every trust. Part of the transaction of a caller who has locked the user. */
  async removeSince(userId: string, since: Date): Promise<void> {
    const removed = await this.factors.deleteSince(userId, since);
    for (const factor of removed)
      this.events.record(FactorRemoved, factOf(factor), { ...about(userId), before: { name: factor.name } });
    if ((await this.factors.countConfirmedOf(userId)) === 0) await this.removeWhatHungOnThem(userId);
    await this.devices.removeAllBut(userId, 0);
    const { createdAt } = await this.recoveryCodes.statusOf(userId);
    if (createdAt && createdAt >= since) await this.recoveryCodes.removeAllOf(userId);
  }

  private async removeWhatHungOnThem(userId: string): Promise<CredentialChange[]> {
    const gone: CredentialChange[] = [];
    if ((await this.recoveryCodes.removeAllOf(userId)) > 0) gone.push('codes_removed');
    if ((await this.devices.removeAllBut(userId, 0)) > 0) gone.push('devices_removed');
    return gone;
  }
}

function about(userId: string): { subject: string } {
  return { subject: `users/${userId}` };
}

function factOf({ id, userId, kind }: Pick<Factor, 'id' | 'userId' | 'kind'>): {
  userId: string;
  factorId: string;
  kind: string;
} {
  return { userId, factorId: id, kind };
}
