import { createHash } from 'node:crypto';

import type { Outcome } from '../platform/contract/event.js';
import { isRetiredBy, isSignedBy } from './checkpoint.js';
import type { Checkpoint, CheckpointKeys, Retirement } from './checkpoint.js';
import { SigningRules } from './signing-rules.js';

/** What the hash of an entry covers. Bytes are written in hex, moments as UTC with milliseconds. */
export interface EntryContent {
  readonly id: string;
  /** The place in the chain, from 1. */
  readonly seq: number;
  readonly occurredAt: string;
  readonly type: string;
  readonly subject: string | null;
  readonly subjectVersion: number | null;
  readonly data: object;
  readonly actorId: string | null;
  readonly onBehalfOf: string | null;
  readonly requestId: string | null;
  readonly outcome: Outcome;
  readonly detailsDigest: string;
}

/** An entry as it is kept, shown and exported: the same everywhere, so that it can be verified everywhere. */
export interface ChainEntry extends EntryContent {
  readonly previousHash: string;
  readonly hash: string;
  /** Personal values, and the salt of their digest; both null once they are erased. */
  readonly details: object | null;
  readonly salt: string | null;
  readonly checkpoint: Omit<Checkpoint, 'seq'> | null;
  /** Where all before it was let go: what says so. Absent in exports of before there was such a thing. */
  readonly retirement?: Retirement | null;
}

/** What comes before the first entry. */
export const GENESIS = '00'.repeat(32);

/**
 * JSON in one form only (RFC 8785): members by their names in UTF-16 order, no spaces, numbers and texts as ECMAScript
 * writes them. Members that are undefined are absent.
 */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item ?? null)).join(',')}]`;
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
    const members = Object.entries(value)
      .filter(([, held]) => held !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, held]) => `${JSON.stringify(name)}:${canonical(held)}`).join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError('JSON has no such number');
  return JSON.stringify(value);
}

/** Stands in the chain for what may be erased. */
export function digestOf(salt: string, details: object): string {
  return createHash('sha256').update(Buffer.from(salt, 'hex')).update(canonical(details)).digest('hex');
}

/** SHA-256 of the hash before and of the entry's content. Members are named: an entry has others, too. */
export function hashOf(previousHash: string, entry: EntryContent): string {
  const { id, seq, occurredAt, type, subject, subjectVersion, data } = entry;
  const { actorId, onBehalfOf, requestId, outcome, detailsDigest } = entry;
  const what = { id, seq, occurredAt, type, subject, subjectVersion, data };
  const content = { ...what, actorId, onBehalfOf, requestId, outcome, detailsDigest };
  return createHash('sha256').update(Buffer.from(previousHash, 'hex')).update(canonical(content)).digest('hex');
}

export const FAULT_CODES = [
  'entry_unreadable',
  'entry_changed',
  'details_changed',
  'chain_broken',
  'entries_missing',
  'entry_inserted',
  'entries_reordered',
  'newest_removed',
  'checkpoint_forged',
  'checkpoint_mismatch',
  'checkpoint_key_unknown',
  'checkpoint_missing',
] as const;

export interface ChainFault {
  /** Where in the chain; in a file, of a line that cannot be read, the entry before it. */
  readonly seq: number;
  readonly code: (typeof FAULT_CODES)[number];
  readonly detail: string;
}

export interface ChainReport {
  /** No fault was found. */
  readonly verified: boolean;
  readonly entries: number;
  /** Checkpoints whose signature was verified. */
  readonly checkpoints: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  /** Up to here the chain is vouched for by a signature. */
  readonly lastCheckpointSeq: number | null;
  /** Up to here entries were let go, and a signature says so. */
  readonly retiredSeq: number | null;
  readonly faults: readonly ChainFault[];
}

/** Where a walk along the chain begins. */
export interface ChainStart {
  readonly seq: number;
  /** The hash of the entry before; null where that is not known. */
  readonly previousHash: string | null;
}

export const WHOLE_CHAIN: ChainStart = { seq: 1, previousHash: GENESIS };

/** Faults that are told; what comes after so many is the same again. */
const TOLD = 100;

/** Follows a chain, entry by entry, forwards or backwards, and remembers only where it stands and what is wrong. */
export class ChainVerifier {
  private readonly faults: ChainFault[] = [];
  private entries = 0;
  private checkpoints = 0;
  private first: ChainEntry | null = null;
  private last: ChainEntry | null = null;
  private backwards = false;
  private lastSigned = 0;
  private unknownKey: Checkpoint | null = null;
  private retired: Retirement | null = null;
  private readonly rules: SigningRules;

  /** @param keys none: signatures are not verified */
  constructor(
    private readonly keys: CheckpointKeys,
    private readonly start: ChainStart = WHOLE_CHAIN,
  ) {
    this.rules = new SigningRules(start.seq === 1, (seq) => this.missCheckpoint(seq));
  }

  see(entry: ChainEntry): void {
    this.entries += 1;
    if (entry.hash !== hashOf(entry.previousHash, entry))
      this.tell(entry.seq, 'entry_changed', 'Its content is not what its hash was made of');
    if (!hasItsDetails(entry))
      this.tell(entry.seq, 'details_changed', 'Its personal details are not what their digest was made of');
    if (entry.checkpoint) this.judge({ ...entry.checkpoint, seq: entry.seq }, entry.hash);
    this.follow(entry);
    const retirement = this.retirementBefore(entry);
    if (retirement && !this.backwards) this.rules.continueFrom(retirement.signedAt);
    this.rules.see(entry, this.backwards);
    if (retirement && this.backwards) this.rules.continueFrom(retirement.signedAt);
    this.first ??= entry;
    this.last = entry;
  }

  /** Where there is none there should be one: whoever signs has not signed, or somebody removed it. */
  missCheckpoint(seq: number): void {
    this.tell(seq, 'checkpoint_missing', 'From here on a checkpoint is missing: it was removed, or never signed');
  }

  /** There is something that is no entry. */
  stumble(detail: string): void {
    this.tell(this.last?.seq ?? 0, 'entry_unreadable', detail);
  }

  /** @param expected the entry that has to be the newest; null where that is not known */
  finish(expected: number | null = null, promised: Checkpoint | null = null): ChainReport {
    const [oldest, newest] = this.backwards ? [this.last, this.first] : [this.first, this.last];
    this.rules.finish();
    if (oldest) this.begin(oldest);
    const reached = newest?.seq ?? this.start.seq - 1;
    if (expected !== null && reached < expected) this.lack(reached, expected, promised);
    if (this.unknownKey && this.unknownKey.seq > this.lastSigned) {
      const { seq, kid } = this.unknownKey;
      this.tell(seq, 'checkpoint_key_unknown', `The checkpoint is signed with the key ${kid}, which is not known here`);
    }
    // Of those that are about to go, some are gone already.
    const faults = this.faults.filter(
      ({ seq, code }) => code !== 'checkpoint_missing' || seq > (this.retired?.seq ?? 0),
    );
    return {
      verified: faults.length === 0,
      entries: this.entries,
      checkpoints: this.checkpoints,
      firstSeq: oldest?.seq ?? null,
      lastSeq: newest?.seq ?? null,
      lastCheckpointSeq: this.lastSigned || null,
      retiredSeq: this.retired?.seq ?? null,
      faults,
    };
  }

  private begin(oldest: ChainEntry): void {
    const { seq, previousHash } = this.start;
    if (this.retired && oldest.seq > seq && oldest.seq <= this.retired.seq + 1) return;
    if (oldest.seq > seq) this.tell(seq, 'entries_missing', `Missing are ${span(seq, oldest.seq - 1)}`);
    else if (oldest.seq === seq && previousHash !== null && oldest.previousHash !== previousHash)
      this.tell(seq, 'chain_broken', 'It does not continue from the entry before it');
  }

  private lack(reached: number, expected: number, promised: Checkpoint | null): void {
    if (promised && !this.isTrusted(promised))
      this.tell(
        expected,
        'checkpoint_forged',
        'A checkpoint without a true signature names an entry that is not there',
      );
    else this.tell(reached + 1, 'newest_removed', `Missing at the end are ${span(reached + 1, expected)}`);
  }

  /** Compares an entry with its neighbour. */
  private follow(entry: ChainEntry): void {
    const { last } = this;
    if (!last) return;
    if (this.entries === 2) this.backwards = entry.seq < last.seq;
    const [older, newer] = this.backwards ? [entry, last] : [last, entry];
    const step = newer.seq - older.seq;
    if (step === 0) this.tell(entry.seq, 'entry_inserted', 'Two entries claim this place');
    else if (step < 0) this.tell(entry.seq, 'entries_reordered', `It stands beside ${last.seq}`);
    else if (step > 1) this.tell(older.seq + 1, 'entries_missing', `Missing are ${span(older.seq + 1, newer.seq - 1)}`);
    else if (newer.previousHash !== older.hash)
      this.tell(newer.seq, 'chain_broken', 'It does not continue from the entry before it');
  }

  private judge(checkpoint: Checkpoint, hash: string): void {
    const { seq, kid } = checkpoint;
    if (checkpoint.hash !== hash) this.tell(seq, 'checkpoint_mismatch', 'Its checkpoint was made of another entry');
    if (this.keys.size === 0) return;
    if (!this.keys.has(kid)) {
      if (seq > (this.unknownKey?.seq ?? 0)) this.unknownKey = checkpoint;
    } else if (this.isTrusted(checkpoint)) {
      this.checkpoints += 1;
      this.lastSigned = Math.max(this.lastSigned, seq);
    } else this.tell(seq, 'checkpoint_forged', 'The signature of its checkpoint is not true');
  }

  /** What says that all before an entry was let go, if it is true. */
  private retirementBefore({ seq, previousHash, retirement }: ChainEntry): Retirement | null {
    if (!retirement) return null;
    const key = this.keys.get(retirement.kid);
    const isAbout = retirement.seq === seq - 1 && retirement.hash === previousHash;
    if (isAbout && (this.keys.size === 0 || (key && isRetiredBy(key, retirement)))) return (this.retired = retirement);
    if (isAbout && !key)
      this.tell(
        seq,
        'checkpoint_key_unknown',
        `What was let go is signed with the key ${retirement.kid}, not known here`,
      );
    else this.tell(seq, 'checkpoint_forged', 'What says that all before it was let go is not true');
    return null;
  }

  private isTrusted(checkpoint: Checkpoint): boolean {
    const key = this.keys.get(checkpoint.kid);
    return key !== undefined && isSignedBy(key, checkpoint);
  }

  private tell(seq: number, code: ChainFault['code'], detail: string): void {
    if (this.faults.length < TOLD) this.faults.push({ seq, code, detail });
  }
}

/** Erased details are no fault: their digest stays. */
function hasItsDetails({ salt, details, detailsDigest }: ChainEntry): boolean {
  if (salt === null || details === null) return salt === details;
  return digestOf(salt, details) === detailsDigest;
}

function span(from: number, to: number): string {
  return from === to ? `${from}` : `${from} to ${to}`;
}
