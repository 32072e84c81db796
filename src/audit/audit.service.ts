import { Injectable } from '@nestjs/common';

import { ParameterInvalid } from '../platform/http/problems.js';
import { AuditEntryNotFound } from './audit.contract.js';
import { AuditKeys } from './audit-keys.js';
import { AuditRepository } from './audit.repository.js';
import { ChainVerifier, WHOLE_CHAIN } from './chain.js';
import type { ChainEntry, ChainReport, ChainStart } from './chain.js';

const BATCH = 500;
/**
 * As many entries as are verified within a fifth of what a request may take (2.5 s), on a machine that has other work:
 * an entry costs 10 µs to hash and some 40 to fetch (measured). Ten thousand at once were answered 503 in CI.
 */
export const VERIFIED_AT_ONCE = 2000;
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
    private readonly entries: AuditRepository,
    private readonly keys: AuditKeys,
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
    const newest = await this.newest();
    const end = Math.min(to ?? (from === null ? newest : from + VERIFIED_AT_ONCE - 1), newest);
    return this.walk(from ?? Math.max(1, end - VERIFIED_AT_ONCE + 1), end);
  }

  /** The whole chain, however long. @param told how far it is, now and then */
  async verifyAll(told: (seq: number, of: number) => void): Promise<Verification> {
    const newest = await this.newest();
    return this.walk(1, newest, (seq) => told(seq, newest));
  }

  /** The newest place that an entry or a checkpoint claims, at one moment: what comes later is not looked at. */
  private async newest(): Promise<number> {
    return (await this.entries.head())?.seq ?? 0;
  }

  private async walk(from: number, to: number, told: (seq: number) => void = () => undefined): Promise<Verification> {
    const verifier = new ChainVerifier(this.keys.trusted, await this.startAt(from));
    let after = { seq: from, id: BEFORE_ALL };
    for (let batch = BATCH; batch === BATCH;) {
      const found = await this.entries.between(after, to, BATCH);
      for (const entry of found) verifier.see(entry);
      batch = found.length;
      after = found.at(-1) ?? after;
      told(after.seq);
    }
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
