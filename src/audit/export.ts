import { OUTCOMES } from '../platform/contract/event.js';
import { ChainVerifier, GENESIS } from './chain.js';
import type { ChainEntry, ChainReport } from './chain.js';
import type { CheckpointKeys } from './checkpoint.js';

interface Expected {
  /** None: signatures are not verified. */
  readonly keys: CheckpointKeys;
  /** The first entry that has to be there. */
  readonly firstSeq: number;
  /** The newest entry that has to be there; null where that is not known. */
  readonly lastSeq: number | null;
}

/** A longer line is no entry, and is not gathered either. */
const LONGEST_LINE = 16 * 1024 * 1024;

/**
 * Verifies the log as it was exported as NDJSON, in either order: a line at a time, and with nothing else at hand.
 * @param told called now and then
 */
export async function verifyExport(
  bytes: AsyncIterable<Uint8Array>,
  { keys, firstSeq, lastSeq }: Expected,
  told: () => void,
): Promise<ChainReport> {
  const verifier = new ChainVerifier(keys, { seq: firstSeq, previousHash: firstSeq === 1 ? GENESIS : null });
  let number = 0;
  for await (const line of linesOf(bytes)) {
    number += 1;
    const entry = entryIn(line);
    if (entry) verifier.see(entry);
    else if (line !== '') verifier.stumble(`Line ${number} is not an entry with all its members`);
    told();
  }
  // A file without any entry is not one that nobody touched: the first has to be there at least.
  return verifier.finish(lastSeq ?? firstSeq);
}

/** Lines end at a line feed and nowhere else: U+2028, where Node's readline ends one too, may stand in a text. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!.slice(0, LONGEST_LINE);
    yield* lines;
  }
  yield rest + decoder.decode();
}

const TEXT = (value: unknown): boolean => typeof value === 'string';
const WHOLE = (value: unknown): boolean => Number.isSafeInteger(value);
const OBJECT = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
const HASH = (value: unknown): boolean => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const orNull =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === null || is(value);

type Members = Readonly<Record<string, (value: unknown) => boolean>>;

const RETIREMENT: Members = { seq: WHOLE, hash: HASH, signedAt: TEXT, kid: TEXT, signature: TEXT, createdAt: TEXT };
const CHECKPOINT: Members = { hash: HASH, kid: TEXT, signature: TEXT, createdAt: TEXT };
const ENTRY: Record<keyof ChainEntry, (value: unknown) => boolean> = {
  id: TEXT,
  seq: WHOLE,
  occurredAt: TEXT,
  type: TEXT,
  subject: orNull(TEXT),
  subjectVersion: orNull(WHOLE),
  data: OBJECT,
  actorId: orNull(TEXT),
  onBehalfOf: orNull(TEXT),
  requestId: orNull(TEXT),
  outcome: (value) => OUTCOMES.some((outcome) => outcome === value),
  detailsDigest: HASH,
  previousHash: HASH,
  hash: HASH,
  details: orNull(OBJECT),
  salt: orNull(TEXT),
  checkpoint: orNull((value) => fits(value, CHECKPOINT)),
  retirement: (value) => value === undefined || value === null || fits(value, RETIREMENT),
};

function entryIn(line: string): ChainEntry | null {
  try {
    const value: unknown = JSON.parse(line);
    return fits(value, ENTRY) ? (value as ChainEntry) : null;
  } catch {
    return null; // not even JSON
  }
}

function fits(value: unknown, members: Members): boolean {
  if (!OBJECT(value)) return false;
  return Object.entries(members).every(([name, is]) => is((value as Record<string, unknown>)[name]));
}
