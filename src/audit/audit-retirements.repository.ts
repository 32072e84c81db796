import { Injectable } from '@nestjs/common';

import { Database } from '../platform/database/database.js';
import { AuditKeys } from './audit-keys.js';
import { isRetiredBy } from './checkpoint.js';
import type { Retirement } from './checkpoint.js';

type Row = Omit<Retirement, 'seq' | 'signature' | 'signedAt' | 'createdAt'> & {
  readonly seq: string;
  readonly signature: Buffer;
  readonly signedAt: Date;
  readonly createdAt: Date;
};

/** The last entry before a month, with its checkpoint. */
export type Retirable = Omit<Retirement, 'kid' | 'signature' | 'createdAt'>;

/** An entry that happened in the month may stand before a few of the month before: so many are looked at. */
const AT_ITS_BEGINNING = 10_000;
const NEWEST = `SELECT seq, encode(hash, 'hex') AS hash, signed_at AS "signedAt", kid, signature, created_at AS "createdAt"
  FROM roster.audit_retirements ORDER BY seq DESC, created_at DESC`;

/** Where the chain begins since old entries were let go. */
@Injectable()
export class AuditRetirements {
  constructor(
    private readonly db: Database,
    private readonly keys: AuditKeys,
  ) {}

  /** The furthest that a key of ours has signed; whatever else lies in the table says nothing. */
  async newest(): Promise<Retirement | null> {
    const rows = await this.db.rows<Row>(NEWEST);
    const all = rows.map(({ seq, signature, signedAt, createdAt, ...row }) => ({
      ...row,
      seq: Number(seq),
      signature: signature.toString('base64url'),
      signedAt: signedAt.toISOString(),
      createdAt: createdAt.toISOString(),
    }));
    return all.find((each) => this.isTrue(each)) ?? null;
  }

  /**
   * The last checkpoint before everything that happened from a moment on; null if there is none after the place. The
   * newest of all stays, for whoever signs goes on from it.
   */
  async retirable(after: number, before: Date): Promise<Retirable | null> {
    type Found = { seq: string; hash: string; signedAt: Date };
    const row = await this.db.row<Found>(
      `SELECT c.seq, encode(c.hash, 'hex') AS hash, c.created_at AS "signedAt" FROM roster.audit_checkpoints c
       WHERE c.seq > $1 AND c.seq < (SELECT max(seq) FROM roster.audit_checkpoints)
         AND c.seq < coalesce((SELECT min(seq) FROM (SELECT seq FROM roster.audit_entries WHERE occurred_at >= $2
           ORDER BY occurred_at, seq LIMIT ${AT_ITS_BEGINNING}) young), 9223372036854775807)
       ORDER BY c.seq DESC LIMIT 1`,
      [after, before],
    );
    return row && { seq: Number(row.seq), hash: row.hash, signedAt: row.signedAt.toISOString() };
  }

  async keep({ seq, hash, signedAt, kid, signature, createdAt }: Retirement): Promise<void> {
    await this.db.change(
      `INSERT INTO roster.audit_retirements (seq, hash, signed_at, kid, signature, created_at)
       VALUES ($1, decode($2, 'hex'), $3, $4, $5, $6)`,
      [seq, hash, signedAt, kid, Buffer.from(signature, 'base64url'), createdAt],
    );
  }

  /** @returns how many entries went, of `most` */
  async remove(through: number, most: number): Promise<number> {
    const row = await this.db.row<{ gone: number }>('SELECT roster.retire_audit($1, $2) AS gone', [through, most]);
    return row!.gone;
  }

  private isTrue(retirement: Retirement): boolean {
    const key = this.keys.trusted.get(retirement.kid);
    return key !== undefined && isRetiredBy(key, retirement);
  }
}
