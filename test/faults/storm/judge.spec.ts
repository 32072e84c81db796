import { findingsOf, judge } from './judge.js';
import type { Evidence, RecordedTold, Told } from './judge.js';

/** The facts of a user who is created, changed, deleted and restored, each by a request of its own. */
const TYPES = ['user.created', 'user.updated', 'user.deleted', 'user.restored'];
const FACTS = TYPES.map((type, at): RecordedTold => ({
  id: `fact-${at + 1}`,
  type,
  subject: 'users/ada',
  version: at + 1,
  content: type,
  requestId: `request-${at + 1}`,
}));
const ADA = { id: 'ada', version: 4, deleted: false, turn: 'request-2' };
const PROMISED = FACTS.map(({ requestId, type, subject, version }) => ({
  requestId: requestId!,
  type,
  subject: subject!,
  version: type === 'user.deleted' ? null : version,
}));
const WELL: Evidence = {
  facts: FACTS,
  users: [ADA],
  acknowledged: PROMISED,
  refused: ['request-9'],
  keys: [
    { key: 'a', subject: 'users/ada' },
    { key: 'a', subject: 'users/ada' },
  ],
  readers: { feed: FACTS },
  mark: null,
};

const findings = (change: Partial<Evidence>): string[] => findingsOf(judge({ ...WELL, ...change }));
const read = (...told: Told[]): string[] => findings({ readers: { feed: told } });
const [created, updated, deleted, restored] = FACTS as [RecordedTold, RecordedTold, RecordedTold, RecordedTold];

describe('the judge of what clients hold', () => {
  it('finds nothing where nothing is wrong, and counts what came twice', () => {
    expect(findings({})).toEqual([]);
    const told = [created, updated, updated, created, deleted, restored];
    const verdict = judge({ ...WELL, readers: { webhook: told } });
    expect(findingsOf(verdict)).toEqual([]);
    expect(verdict.readers['webhook']).toMatchObject({ received: 6, distinct: 4, duplicates: 2 });
  });

  it('finds what was acknowledged and is not there, whether the row is gone, the fact, or both', () => {
    expect(findings({ facts: [], users: [], readers: {} })).toEqual([expect.stringMatching(/^writes: 4 lost/)]);
    expect(findings({ users: [] })).toContainEqual(expect.stringMatching(/^writes: 4 lost/));
    expect(findings({ facts: FACTS.slice(0, 3), readers: {} })).toContainEqual(
      'writes: 1 lost (user.restored request-4)',
    );
    const other = { ...PROMISED[1]!, version: 3 };
    expect(findings({ acknowledged: [other] })).toEqual(['writes: 1 lost (user.updated request-2)']);
  });

  it('finds a row without its fact, a fact without its row, and a row that looks otherwise', () => {
    const half = (change: Partial<Evidence>): string[] => findings({ acknowledged: [], readers: {}, ...change });
    expect(half({ users: [{ ...ADA, version: 5 }] })).toEqual([expect.stringMatching(/version 5, facts of 1,2,3,4/)]);
    expect(half({ users: [{ ...ADA, version: 3 }] })).toEqual([expect.stringMatching(/version 3, facts of 1,2,3,4/)]);
    expect(half({ users: [] })).toEqual([expect.stringMatching(/facts without a row/)]);
    expect(half({ users: [{ ...ADA, deleted: true }] })).toEqual([expect.stringMatching(/1 halfWritten/)]);
    expect(half({ users: [{ ...ADA, turn: 'request-7' }] })).toEqual([expect.stringMatching(/1 halfWritten/)]);
    expect(half({ users: [ADA, { ...ADA, id: 'bob', version: 1, turn: null }] })).toHaveLength(1);
  });

  it('finds what was done twice, done though refused, and a key with two objects', () => {
    const again = { ...updated, id: 'fact-5', version: 5, requestId: 'request-2' };
    expect(findings({ facts: [...FACTS, again], users: [{ ...ADA, version: 5 }], readers: {} })).toContainEqual(
      'writes: 1 doubled (user.updated request-2)',
    );
    expect(findings({ refused: ['request-3'] })).toEqual(['writes: 1 doneThoughRefused (request-3)']);
    const keys = [...WELL.keys, { key: 'a', subject: 'users/bob' }];
    expect(findings({ keys })).toEqual(['writes: 1 unlike (a)']);
  });

  it('finds at a reader what is missing, what never was, what is out of order, and what says something else', () => {
    expect(read(created, deleted, restored)).toEqual(['feed: 1 missing (fact-2)']);
    expect(read(...FACTS, { ...updated, id: 'fact-9' })).toContainEqual('feed: 1 phantom (fact-9)');
    expect(read(created, deleted, updated, restored)).toEqual(['feed: 1 outOfOrder (fact-2)']);
    expect(read(...FACTS, { ...updated, content: 'else' })).toEqual(['feed: 1 altered (fact-2)']);
  });

  it('owes a reader what comes after the mark, and lets them have more', () => {
    expect(findings({ mark: 'fact-2', readers: { stream: [deleted, restored], feed: FACTS } })).toEqual([]);
    expect(findings({ mark: 'fact-2', readers: { stream: [restored] } })).toEqual(['stream: 1 missing (fact-3)']);
  });
});
