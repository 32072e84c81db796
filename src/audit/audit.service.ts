import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { ParameterInvalid } from '../platform/http/problems.js';
import { AuditEntryNotFound } from './audit.contract.js';
import { AuditKeys } from './audit-keys.js';
import { AuditRetirements } from './audit-retirements.repository.js';
import { AuditRepository } from './audit.repository.js';
import type { ChainHead } from './audit.repository.js';
import { ChainVerifier, WHOLE_CHAIN } from './chain.js';
import type { ChainEntry, ChainReport, ChainStart } from './chain.js';
import { SIGNED_WITHIN } from './signing-rules.js';

const BATCH = 500;
/**
 * As many entries as are verified within a fifth of what a request may take (2.5 s), on a machine that has other work:
 * an entry costs 10 µs to hash (measured), and more to fetch. Ten thousand at once were answered 503 in CI.
 */
export const VERIFIED_AT_ONCE = 2000;
/** Twice what it takes to sign the newest entry, for those who sign may have other work. */
const UNSIGNED_FOR = 2 * SIGNED_WITHIN;
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/** Places in the chain, both included; null where nothing was said. */
export interface ChainRange {
  readonly from: number | null;
  readonly to: number | null;
}

/** What a verification of the log in the database found. */
export interface Verification extends ChainReport {
  /** The public key of checkpoints, in base64url: with it a file is verified elsewhere. */
  readonly publicKey: string;
}

/** The audit log: one entry, and the proof that nobody changed any. */
@Injectable()
export class AuditLog {
  constructor(
    private readonly clock: Clock,
    private readonly entries: AuditRepository,
    private readonly keys: AuditKeys,
    private readonly retirements: AuditRetirements,
  ) {}

  /** @throws AuditEntryNotFound */
  async get(id: string): Promise<ChainEntry> {
    const entry = await this.entries.find(id);
    if (!entry) throw new AuditEntryNotFound();
    return entry;
  }

  /** As much as one answer can tell of: the newest entries, unless a range is named. @throws ParameterInvalid */
  async verifyPart({ from, to }: ChainRange): Promise<Verification> {
    if (from !== null && to !== null && (to < from || to - from >= VERIFIED_AT_ONCE)) throw rangeRefused();
    const head = await this.entries.head();
    const newest = head?.seq ?? 0;
    const first = await this.firstSeq();
    const end = Math.min(to ?? (from === null ? newest : from + VERIFIED_AT_ONCE - 1), newest);
    const start = Math.max(first, from ?? end - VERIFIED_AT_ONCE + 1);
    return this.walk(start, end, { unsigned: end === newest && head !== null && this.isLeftUnsigned(head) });
  }

  /**
   * The whole chain, however long. Its end may be unsigned, for those who sign may have been stopped on purpose.
   * @param told how far it is, now and then
   */
  async verifyAll(told: (seq: number, of: number) => void): Promise<Verification> {
    // The newest place that an entry or a checkpoint claims, at one moment: what comes later is not looked at.
    const newest = (await this.entries.head())?.seq ?? 0;
    return this.walk(await this.firstSeq(), newest, { told: (seq) => told(seq, newest) });
  }

  /** The oldest entries, up to one. */
  async verifyThrough(seq: number): Promise<Verification> {
    return this.walk(await this.firstSeq(), seq, {});
  }

  /** Where the chain begins: what was let go is not there, if a true signature says so. */
  private async firstSeq(): Promise<number> {
    return ((await this.retirements.newest())?.seq ?? 0) + 1;
  }

  private isLeftUnsigned({ seq, signedSeq, signedAt }: ChainHead): boolean {
    return seq > signedSeq && signedAt !== null && this.clock.millis() - signedAt.getTime() >= UNSIGNED_FOR;
  }

  private async walk(
    from: number,
    to: number,
    { unsigned = false, told }: { unsigned?: boolean; told?: (seq: number) => void },
  ): Promise<Verification> {
    const verifier = new ChainVerifier(this.keys.trusted, await this.startAt(from));
    let after = { seq: from, id: BEFORE_ALL };
    for (let batch = BATCH; batch === BATCH;) {
      const found = await this.entries.between(after, to, BATCH);
      for (const entry of found) verifier.see(entry);
      batch = found.length;
      after = found.at(-1) ?? after;
      told?.(after.seq);
    }
    if (unsigned) verifier.missCheckpoint(to);
    const report = verifier.finish(to < from ? null : to, await this.entries.checkpointAt(to));
    return { ...report, publicKey: this.keys.signer.publicKey };
  }

  /** What the first entry has to continue from. */
  private async startAt(seq: number): Promise<ChainStart> {
    if (seq <= 1) return WHOLE_CHAIN;
    const [before] = await this.entries.between({ seq: seq - 1, id: BEFORE_ALL }, seq - 1, 1);
    return { seq, previousHash: before?.hash ?? null };
  }
}

function rangeRefused(): ParameterInvalid {
  const detail = `must not be before "from", nor ${VERIFIED_AT_ONCE} entries after it: longer ranges are verified by the command line`;
  return new ParameterInvalid('The range is not valid', [{ parameter: 'to', code: 'range_invalid', detail }]);
}
