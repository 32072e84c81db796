import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { Logs } from '../platform/logging/logger.js';
import { AuditKeys } from './audit-keys.js';
import { AuditRepository } from './audit.repository.js';
import type { ChainHead } from './audit.repository.js';
import { ChainVerifier } from './chain.js';
import type { ChainEntry } from './chain.js';
import { SIGNED_EVERY, SIGNED_WITHIN } from './signing-rules.js';

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/** Signs the chain as far as it has been verified: else whoever owns the database could have us sign what they made. */
@Injectable()
export class AuditSigning {
  /** Why the chain is not signed any more; null as long as it is. */
  doubt: string | null = null;
  private doubtedAt = 0;
  private readonly log;

  constructor(
    private readonly clock: Clock,
    private readonly entries: AuditRepository,
    private readonly keys: AuditKeys,
    logs: Logs,
  ) {
    this.log = logs.of('audit');
  }

  /** Part of the transaction in which entries were added. @param head where the chain ended before them */
  async sign(head: ChainHead, added: readonly ChainEntry[]): Promise<void> {
    const now = this.clock.now();
    const due = this.dueOf(head, added, now);
    // A chain that is not believed is looked at again now and then, for somebody may have given the old key back.
    if (due.length === 0 || now.getTime() - this.doubtedAt < SIGNED_WITHIN || (await this.isDoubtful(head))) return;
    for (const { seq, hash } of due)
      await this.entries.keep(this.keys.signer.sign({ seq, hash, createdAt: now.toISOString() }));
  }

  private dueOf(head: ChainHead, added: readonly ChainEntry[], now: Date): { seq: number; hash: string }[] {
    const due: { seq: number; hash: string }[] = added.filter(({ seq }) => seq % SIGNED_EVERY === 0);
    const newest = added.at(-1) ?? head;
    const signedSeq = due.at(-1)?.seq ?? head.signedSeq;
    const signedAt = due.length > 0 ? now : head.signedAt;
    // By whichever clock is ahead, ours or theirs who recorded: so no entry of a minute later is ever left unsigned.
    const latest = Math.max(now.getTime(), ...added.map(({ occurredAt }) => Date.parse(occurredAt)));
    const isOld = signedAt === null || latest - signedAt.getTime() >= SIGNED_WITHIN;
    // The new key vouches at once for what the one before it signed, which may be forgotten soon.
    const isOfOldKey = due.length === 0 && head.signedKid !== this.keys.signer.kid;
    if ((isOld || isOfOldKey) && newest.seq > signedSeq) due.push(newest);
    return due;
  }

  private async isDoubtful(head: ChainHead): Promise<boolean> {
    const doubt = await this.doubtAbout(head);
    if (doubt !== null)
      this.log.error({ seq: head.seq, signedSeq: head.signedSeq, doubt }, 'The audit log is not signed: verify it');
    else if (this.doubt !== null) this.log.info({}, 'The audit log is signed again');
    this.doubt = doubt;
    this.doubtedAt = doubt === null ? 0 : this.clock.millis();
    return doubt !== null;
  }

  /** Looks at everything since the last checkpoint, which is never more than a thousand entries. */
  private async doubtAbout({ seq, signedSeq }: ChainHead): Promise<string | null> {
    if (seq === 0) return null;
    // The first entries were signed in the transaction that added them.
    if (signedSeq === 0) return 'there are entries and no checkpoint';
    if (seq - signedSeq > SIGNED_EVERY) return `no checkpoint since ${signedSeq}`;
    const since = await this.entries.between({ seq: signedSeq, id: BEFORE_ALL }, seq, SIGNED_EVERY + 2);
    const verifier = new ChainVerifier(this.keys.trusted, { seq: signedSeq, previousHash: null });
    for (const entry of since) verifier.see(entry);
    const { faults, lastCheckpointSeq } = verifier.finish(seq);
    if (faults.length > 0) return `${faults[0]!.code} at ${faults[0]!.seq}`;
    return lastCheckpointSeq === signedSeq ? null : `the checkpoint at ${signedSeq} is not ours`;
  }
}
