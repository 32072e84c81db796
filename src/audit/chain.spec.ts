import fc from 'fast-check';

import { ChainVerifier, GENESIS, canonical, digestOf, hashOf } from './chain.js';
import type { ChainEntry, ChainReport } from './chain.js';
import { checkpointKeys, checkpointSigner } from './checkpoint.js';

const AT = '2026-11-21T10:00:00.000Z';
const signer = checkpointSigner(Buffer.alloc(32, 1));
const stranger = checkpointSigner(Buffer.alloc(32, 2));
const keys = checkpointKeys([signer.publicKey])!;
const NO_KEYS = checkpointKeys([])!;

/** Entries 1 to `count`, with a checkpoint at each place of `signed`. */
function chainOf(count: number, signed: readonly number[] = [], by = signer): ChainEntry[] {
  let previousHash = GENESIS;
  return Array.from({ length: count }, (_, place) => {
    const [seq, salt, details] = [place + 1, 'aa'.repeat(16), { ip: '192.0.2.7', n: place }];
    const content = {
      id: `00000000-0000-7000-8000-${String(seq).padStart(12, '0')}`,
      seq,
      occurredAt: AT,
      type: 'test.happened',
      subject: null,
      subjectVersion: null,
      data: { seq },
      actorId: 'ada',
      onBehalfOf: null,
      requestId: null,
      outcome: 'success',
      detailsDigest: digestOf(salt, details),
    } as const;
    const hash = hashOf(previousHash, content);
    const checkpoint = signed.includes(seq) ? by.sign({ seq, hash, createdAt: AT }) : null;
    const entry = { ...content, previousHash, hash, salt, details, checkpoint };
    previousHash = hash;
    return entry;
  });
}

/** The entry as it would have been, had it been so from the start. */
function forged(entry: ChainEntry, change: Partial<ChainEntry>): ChainEntry {
  const changed = { ...entry, ...change };
  return { ...changed, hash: hashOf(changed.previousHash, changed) };
}

function verify(entries: readonly ChainEntry[], expected: number | null = null, trusted = keys): ChainReport {
  const verifier = new ChainVerifier(trusted);
  for (const entry of entries) verifier.see(entry);
  return verifier.finish(expected);
}

const codesOf = ({ faults }: ChainReport): string[] => faults.map(({ seq, code }) => `${seq} ${code}`);

describe('canonical JSON', () => {
  it('is as in the example of RFC 8785, 3.2.2', () => {
    const value: unknown = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    );
    expect(canonical(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts members by UTF-16 units, as in RFC 8785, 3.2.3', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'];
    const text = canonical(Object.fromEntries(names.map((name) => [name, 0])));
    expect(text).toBe(`{${sorted.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`);
  });

  it('says the same of the same value, however it is written', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonical(JSON.parse(canonical(value)))).toBe(canonical(value));
      }),
    );
  });

  it('leaves out what is undefined, and refuses what JSON has not', () => {
    expect(canonical({ b: undefined, a: [undefined], at: new Date(0) })).toBe(
      '{"a":[null],"at":"1970-01-01T00:00:00.000Z"}',
    );
    expect(() => canonical({ n: Number.NaN })).toThrow(RangeError);
  });
});

describe('a chain', () => {
  const chain = chainOf(10, [4, 8]);
  const without = (seq: number): ChainEntry[] => chain.filter((entry) => entry.seq !== seq);
  const withAt = (seq: number, change: (entry: ChainEntry) => ChainEntry): ChainEntry[] =>
    chain.map((entry) => (entry.seq === seq ? change(entry) : entry));

  it('that nobody touched is verified, forwards and backwards', () => {
    const bounds = { firstSeq: 1, lastSeq: 10, lastCheckpointSeq: 8, retiredSeq: null };
    const whole = { entries: 10, checkpoints: 2, ...bounds, faults: [] };
    expect(verify(chain, 10)).toEqual({ verified: true, ...whole });
    expect(verify([...chain].reverse(), 10)).toEqual({ verified: true, ...whole });
  });

  it('of no entries is verified, unless there should be some', () => {
    expect(verify([])).toMatchObject({ verified: true, entries: 0, firstSeq: null, lastSeq: null });
    expect(codesOf(verify([], 3))).toEqual(['1 newest_removed']);
  });

  it('holds though personal details were erased', () => {
    expect(verify(chain.map((entry) => ({ ...entry, details: null, salt: null })))).toMatchObject({ verified: true });
  });

  const swapped = [...chain.slice(0, 4), chain[5]!, chain[4]!, ...chain.slice(6)];
  const rewritten = chainOf(10, [4]).map((entry) => ({ ...entry, checkpoint: chain[entry.seq - 1]!.checkpoint }));
  const anew = (() => {
    let previousHash = GENESIS;
    return rewritten.map((entry) => {
      const made = forged(entry, { previousHash, ...(entry.seq === 3 ? { actorId: 'mallory' } : {}) });
      previousHash = made.hash;
      return made;
    });
  })();
  const fake = forged(chain[4]!, { id: '00000000-0000-7000-8000-999999999999', actorId: 'mallory' });

  it.each<[string, readonly ChainEntry[], string[]]>([
    ['an entry that was changed', withAt(5, (entry) => ({ ...entry, actorId: 'mallory' })), ['5 entry_changed']],
    ['one that was changed with its hash', withAt(5, (e) => forged(e, { actorId: 'mallory' })), ['6 chain_broken']],
    [
      'details that were changed',
      withAt(5, (entry) => ({ ...entry, details: { ip: '203.0.113.9' } })),
      ['5 details_changed'],
    ],
    ['a salt that was removed alone', withAt(5, (entry) => ({ ...entry, salt: null })), ['5 details_changed']],
    ['an entry that was removed', without(5), ['5 entries_missing']],
    ['the first that was removed', without(1), ['1 entries_missing']],
    ['the newest that was removed', without(10), ['10 newest_removed']],
    ['one that was inserted', [...chain.slice(0, 5), fake, ...chain.slice(5)], ['5 entry_inserted', '6 chain_broken']],
    ['two that changed places', swapped, ['5 entries_missing', '5 entries_reordered', '6 entries_missing']],
    ['a chain that was made anew', anew, ['4 checkpoint_mismatch', '8 checkpoint_mismatch']],
    [
      'a signature by somebody else',
      withAt(8, (e) => ({
        ...e,
        checkpoint: { ...e.checkpoint!, signature: stranger.sign({ ...e, createdAt: AT }).signature },
      })),
      ['8 checkpoint_forged'],
    ],
    [
      'a moment of a checkpoint that was changed',
      withAt(8, (e) => ({ ...e, checkpoint: { ...e.checkpoint!, createdAt: '2026-11-21T10:00:00.001Z' } })),
      ['8 checkpoint_forged'],
    ],
    [
      'a checkpoint by a key that nobody knows, and none after it',
      withAt(8, (e) => ({ ...e, checkpoint: stranger.sign({ ...e, createdAt: AT }) })),
      ['8 checkpoint_key_unknown'],
    ],
  ])('tells of %s', (_, entries, expected) => {
    const report = verify(entries, 10);
    expect([codesOf(report), report.verified]).toEqual([expected, false]);
  });

  it('does not mind a key that was given up, where a known one signed later', () => {
    const old = withAt(4, (entry) => ({ ...entry, checkpoint: stranger.sign({ ...entry, createdAt: AT }) }));
    expect(verify(old)).toMatchObject({ verified: true, checkpoints: 1, lastCheckpointSeq: 8 });
    expect(verify(old, null, checkpointKeys([signer.publicKey, stranger.publicKey])!)).toMatchObject({
      checkpoints: 2,
    });
  });

  it('without a key believes no checkpoint', () => {
    expect(verify(chain, 10, NO_KEYS)).toMatchObject({ verified: true, checkpoints: 0, lastCheckpointSeq: null });
  });

  describe('lacks a checkpoint', () => {
    const found = (entries: readonly ChainEntry[]): string[][] =>
      [entries, [...entries].reverse()].map((each) => codesOf(verify(each)));
    /** Those from a place on happened so many milliseconds after the others, which happened when they were signed. */
    const later = (entries: readonly ChainEntry[], from: number, by: number): ChainEntry[] => {
      let previousHash = GENESIS;
      return entries.map((entry) => {
        const occurredAt = new Date(Date.parse(AT) + (entry.seq < from ? 0 : by)).toISOString();
        const { hash } = forged(entry, { occurredAt, previousHash });
        const checkpoint = entry.checkpoint && signer.sign({ seq: entry.seq, hash, createdAt: occurredAt });
        const made = { ...entry, occurredAt, previousHash, hash, checkpoint };
        previousHash = hash;
        return made;
      });
    };

    it('where there is none at all, or none near the beginning', () => {
      expect(found(chainOf(3))).toEqual([['1 checkpoint_missing'], ['1 checkpoint_missing']]);
      expect(found(chainOf(501, [501]))).toEqual([['1 checkpoint_missing'], ['1 checkpoint_missing']]);
      expect(found(chainOf(500, [500]))).toEqual([[], []]);
    });

    it('at a thousandth entry', () => {
      const missing = ['1000 checkpoint_missing'];
      expect(found(chainOf(1100, [400, 1050]))).toEqual([missing, missing]);
      expect(found(chainOf(1100, [400, 1000]))).toEqual([[], []]);
    });

    it('where something happened a minute after the last, and was not signed with what was copied together', () => {
      const missing = ['5 checkpoint_missing'];
      expect(found(later(chainOf(9, [4]), 5, 60_000))).toEqual([missing, missing]);
      expect(found(later(chainOf(9, [4]), 5, 59_999))).toEqual([[], []]);
      expect(found(later(chainOf(504, [4, 504]), 5, 60_000))).toEqual([[], []]);
      expect(found(later(chainOf(505, [4, 505]), 5, 60_000))).toEqual([missing, missing]);
    });
  });

  it('tells of no more than a hundred faults', () => {
    const many = chainOf(300).map((entry) => ({ ...entry, actorId: 'mallory' }));
    expect(verify(many).faults).toHaveLength(100);
  });

  it('finds any one change of any member of any entry', () => {
    const members = Object.keys(chain[0]!) as (keyof ChainEntry)[];
    const covered = members.filter((member) => !['checkpoint', 'details', 'salt'].includes(member));
    for (const member of covered)
      for (const { seq } of chain) {
        const changed = withAt(seq, (entry) => ({
          ...entry,
          [member]: typeof entry[member] === 'number' ? 99 : GENESIS,
        }));
        if (seq > 1 || member !== 'previousHash') expect([member, verify(changed).verified]).toEqual([member, false]);
      }
  });
});

it('reads public keys, and nothing else', () => {
  expect([...checkpointKeys([signer.publicKey])!.keys()]).toEqual([signer.kid]);
  expect(checkpointKeys(['nonsense'])).toBeNull();
});
