import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { jest } from '@jest/globals';

import { digestOf, hashOf } from '../../src/audit/chain.js';
import type { ChainEntry } from '../../src/audit/chain.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase, run } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { onDatabase, runToEnd } from '../harness/process.js';
import { everythingCopied } from './copied.js';

// The command line is a process of its own, on a machine that may be busy.
jest.setTimeout(180_000);

interface Report {
  readonly verified: boolean;
  readonly entries: number;
  readonly checkpoints: number;
  readonly lastSeq: number;
  readonly lastCheckpointSeq: number;
  readonly publicKey: string;
  readonly faults: { seq: number; code: string }[];
}

const TABLES = ['audit_entries', 'audit_details', 'audit_checkpoints'];
/** What somebody who owns the database would write: a hash that is right for the content. */
const MALLORY = '01a1fb89-0000-7000-8000-00000000dead';

/** So far ahead the last checkpoint is signed: nothing is due before it, however long the tests take. Milliseconds. */
const AHEAD = 30 * 60_000;
const ELSEWHERE = { ip: '203.0.113.66' };

describe('whoever tampers with the audit log', () => {
  const file = join(run.folder, `audit-${process.env['JEST_WORKER_ID']}.ndjson`);
  let app: TestApp;
  let ada: Person;
  let whole: ChainEntry[];
  let publicKey: string;
  /** The place of the last checkpoint; two entries came after it. */
  let signed: number;

  beforeAll(async () => {
    app = await TestApp.start({ database: await freshDatabase(`tamper_${process.env['JEST_WORKER_ID']}`) });
    ada = await app.people.admin();
    for (let n = 0; n < 4; n += 1) {
      const { id } = await app.people.user();
      await ada.put(`/api/v1/users/${id}/suspension`, { reason: 'left' });
      await ada.delete(`/api/v1/users/${id}/suspension`);
    }
    await everythingCopied(app);
    const newest = (table: string): Promise<{ seq: number }[]> =>
      app.sql<{ seq: number }>(`SELECT max(seq)::int AS seq FROM roster.${table}`);
    const last = (await newest('audit_entries'))[0]!.seq;
    app.clock.advance(AHEAD);
    for (; signed !== last; await sleep(50)) signed = (await newest('audit_checkpoints'))[0]!.seq;
    await app.people.user();
    await app.people.user();
    await everythingCopied(app);
    // One of itself is no answer: what is put back has to be what was there.
    for (const table of TABLES) await app.sql(`CREATE TABLE public.kept_${table} AS SELECT * FROM roster.${table}`);
    app.clock.advance(-AHEAD);
    whole = await exported();
    ({ publicKey } = (await ada.get<Report>('/api/v1/audit/verify')).body);
  });
  afterEach(async () => {
    for (const table of TABLES) {
      await app.sql(`DELETE FROM roster.${table}`);
      await app.sql(`INSERT INTO roster.${table} SELECT * FROM public.kept_${table}`);
    }
  });
  afterAll(async () => {
    rmSync(file, { force: true });
    await app.stop();
  });

  async function exported(): Promise<ChainEntry[]> {
    const { text } = await ada.get('/api/v1/audit?sort=occurredAt', { accept: 'application/x-ndjson' });
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ChainEntry);
  }

  /** What the log in the database says of itself. */
  async function inDatabase(): Promise<string[]> {
    const { body } = await ada.get<Report>('/api/v1/audit/verify');
    expect(body.verified).toBe(body.faults.length === 0);
    return body.faults.map(({ seq, code }) => `${seq} ${code}`);
  }

  /** What the command line says of a file, with nothing else at hand. */
  async function inFile(
    entries: readonly object[],
    options: readonly string[] = ['--key', publicKey],
  ): Promise<{ code: number | null; report: Report; faults: string[] }> {
    writeFileSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    const nowhere = { DATABASE_URL: 'postgres://nowhere.invalid/none', DATA_DIR: '/nowhere', PORT: 'no port' };
    const { code, stdout, stderr } = await runToEnd(nowhere, ['audit', 'verify', '--file', file, '--json', ...options]);
    if (stdout === '') throw new Error(stderr);
    const report = JSON.parse(stdout) as Report;
    return { code, report, faults: report.faults.map((fault) => `${fault.seq} ${fault.code}`) };
  }

  const sql = (text: string, ...values: unknown[]): Promise<unknown> => app.sql(text, values);
  const setHash = (seq: number, hash: string): Promise<unknown> =>
    sql(`UPDATE roster.audit_entries SET hash = decode($2, 'hex') WHERE seq = $1`, seq, hash);
  /** The entry as Mallory did it, with all hashes after it made anew. */
  function rewrittenFrom(seq: number, change: Partial<ChainEntry>): ChainEntry[] {
    let previousHash = whole[seq - 2]!.hash;
    return whole.map((entry) => {
      if (entry.seq < seq) return entry;
      const changed = { ...entry, ...(entry.seq === seq ? change : {}), previousHash };
      previousHash = hashOf(previousHash, changed);
      return { ...changed, hash: previousHash };
    });
  }
  const withAt = (seq: number, change: (entry: ChainEntry) => object): object[] =>
    whole.map((entry) => (entry.seq === seq ? change(entry) : entry));
  const withCheckpoint = (change: object): object[] =>
    withAt(signed, (entry) => ({ ...entry, checkpoint: { ...entry.checkpoint, ...change } }));
  const signedSince = (from: number, to: number): number[] =>
    whole.filter(({ seq, checkpoint }) => checkpoint && seq >= from && seq <= to).map(({ seq }) => seq);
  /** The first place from there on where no checkpoint was signed, neither there nor at the next two. */
  const unsigned = (from: number): number =>
    whole.find(({ seq }) => seq >= from && signedSince(seq, seq + 2).length === 0)!.seq;
  const forgery = (seq: number): ChainEntry => {
    const entry = {
      ...whole[seq - 1]!,
      id: '01ffffff-a690-7530-90c7-ac334b0dead0',
      actorId: MALLORY,
      checkpoint: null,
    };
    return { ...entry, hash: hashOf(entry.previousHash, entry) };
  };
  const insert = (entry: ChainEntry): Promise<unknown> =>
    sql(
      `INSERT INTO roster.audit_entries (id, seq, occurred_at, type, data, subject, subject_version, actor_id, outcome,
         request_id, details_digest, previous_hash, hash)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, decode($11, 'hex'), decode($12, 'hex'), decode($13, 'hex'))`,
      ...[entry.id, entry.seq, entry.occurredAt, entry.type, entry.data, entry.subject, entry.subjectVersion],
      ...[entry.actorId, entry.outcome, entry.requestId, entry.detailsDigest, entry.previousHash, entry.hash],
    );

  it('is not to be found where nobody did', async () => {
    expect(whole.length).toBeGreaterThan(15);
    expect(await inDatabase()).toEqual([]);
    const { code, report } = await inFile(whole);
    expect([code, report.verified, report.entries, report.lastCheckpointSeq]).toEqual([0, true, whole.length, signed]);
    expect((await inFile([...whole].reverse())).code).toBe(0);
    const own = await runToEnd(onDatabase(app.ground.address), ['audit', 'verify', '--json']);
    expect([own.code, JSON.parse(own.stdout)]).toEqual([0, expect.objectContaining({ verified: true, publicKey })]);
  });

  interface Way {
    readonly name: string;
    readonly inTable: () => Promise<unknown>;
    readonly inExport: () => readonly object[];
    readonly faults: () => readonly string[];
    readonly options?: () => readonly string[];
  }
  const WAYS: Way[] = [
    {
      name: 'changing an entry',
      inTable: () => sql('UPDATE roster.audit_entries SET actor_id = $1 WHERE seq = 5', MALLORY),
      inExport: () => withAt(5, (entry) => ({ ...entry, actorId: MALLORY })),
      faults: () => ['5 entry_changed'],
    },
    {
      name: 'changing an entry together with its hash',
      inTable: async () => {
        await sql('UPDATE roster.audit_entries SET actor_id = $1 WHERE seq = 5', MALLORY);
        await setHash(5, hashOf(whole[4]!.previousHash, { ...whole[4]!, actorId: MALLORY }));
      },
      inExport: () => withAt(5, () => rewrittenFrom(5, { actorId: MALLORY })[4]!),
      faults: () => ['6 chain_broken', ...signedSince(5, 5).map((seq) => `${seq} checkpoint_mismatch`)],
    },
    {
      name: 'making the whole chain anew after a change',
      inTable: async () => {
        await sql('UPDATE roster.audit_entries SET actor_id = $1 WHERE seq = 5', MALLORY);
        for (const { seq, hash, previousHash } of rewrittenFrom(5, { actorId: MALLORY }).slice(4)) {
          await setHash(seq, hash);
          const again = `UPDATE roster.audit_entries SET previous_hash = decode($2, 'hex') WHERE seq = $1`;
          await sql(again, seq, previousHash);
        }
        await sql(
          `UPDATE roster.audit_checkpoints c SET hash = e.hash FROM roster.audit_entries e WHERE e.seq = c.seq`,
        );
      },
      inExport: () =>
        rewrittenFrom(5, { actorId: MALLORY }).map((entry) =>
          entry.checkpoint ? { ...entry, checkpoint: { ...entry.checkpoint, hash: entry.hash } } : entry,
        ),
      faults: () => signedSince(5, signed).map((seq) => `${seq} checkpoint_forged`),
    },
    {
      name: 'changing personal details',
      inTable: () =>
        sql(`UPDATE roster.audit_details SET details = details || $2 WHERE entry_id = $1`, whole[6]!.id, ELSEWHERE),
      inExport: () => withAt(7, (entry) => ({ ...entry, details: { ...entry.details, ...ELSEWHERE } })),
      faults: () => ['7 details_changed'],
    },
    {
      name: 'removing an entry from the middle',
      inTable: () => sql('DELETE FROM roster.audit_entries WHERE seq = $1', unsigned(9)),
      inExport: () => whole.filter(({ seq }) => seq !== unsigned(9)),
      faults: () => [`${unsigned(9)} entries_missing`],
    },
    {
      name: 'removing the newest entries',
      inTable: () => sql('DELETE FROM roster.audit_entries WHERE seq >= $1', signed),
      inExport: () => whole.filter(({ seq }) => seq < signed),
      faults: () => [`${signed} newest_removed`],
      options: () => ['--key', publicKey, '--expect-seq', String(signed)],
    },
    {
      name: 'letting two entries change places',
      inTable: () =>
        sql(
          'UPDATE roster.audit_entries SET seq = 2 * $1::bigint + 1 - seq WHERE seq IN ($1::bigint, $1::bigint + 1)',
          unsigned(9),
        ),
      inExport: () => {
        const first = unsigned(9);
        const [one, other] = whole.slice(first - 1, first + 1);
        return whole.with(first - 1, { ...other!, seq: first }).with(first, { ...one!, seq: first + 1 });
      },
      faults: () => {
        const first = unsigned(9);
        const both = [first, first + 1].flatMap((seq) => [`${seq} chain_broken`, `${seq} entry_changed`]);
        return [...both, `${first + 2} chain_broken`];
      },
    },
    {
      name: 'inserting an entry that is forged',
      inTable: () => insert(forgery(unsigned(8))),
      inExport: () => whole.toSpliced(unsigned(8), 0, forgery(unsigned(8))),
      faults: () => [`${unsigned(8)} entry_inserted`, `${unsigned(8) + 1} chain_broken`],
    },
    {
      name: 'forging a checkpoint',
      inTable: () =>
        sql('UPDATE roster.audit_checkpoints SET signature = $2 WHERE seq = $1', signed, Buffer.alloc(64, 3)),
      inExport: () => withCheckpoint({ signature: 'A'.repeat(86) }),
      faults: () => [`${signed} checkpoint_forged`],
    },
    {
      name: 'signing a checkpoint with a key of their own',
      inTable: () => sql("UPDATE roster.audit_checkpoints SET kid = 'feedfeedfeedfeed' WHERE seq = $1", signed),
      inExport: () => withCheckpoint({ kid: 'feedfeedfeedfeed' }),
      faults: () => [`${signed} checkpoint_key_unknown`],
    },
  ];

  it.each(WAYS)('by $name is found in the database', async ({ inTable, faults }) => {
    await inTable();
    expect((await inDatabase()).sort()).toEqual([...faults()].sort());
  });

  it.each(WAYS)('by $name is found in an export', async ({ inExport, faults, options }) => {
    const { code, faults: found } = await inFile(inExport(), options?.());
    expect([found.sort(), code]).toEqual([[...faults()].sort(), 1]);
  });

  it('by reordering the lines of an export is found', async () => {
    const lines = [...whole.slice(0, 4), whole[5]!, whole[4]!, ...whole.slice(6)];
    expect((await inFile(lines)).faults).toContain('5 entries_reordered');
  });

  it('by leaving nothing in an export is found', async () => {
    // Regressed: an empty file was whole.
    const { code, faults } = await inFile([]);
    expect([code, faults]).toEqual([1, ['1 newest_removed']]);
  });

  it('by leaving out a member, or a line, is found too', async () => {
    const { actorId: _, ...sparse } = whole[4]!;
    const { code, faults } = await inFile(withAt(5, () => sparse));
    expect([code, faults]).toEqual([1, ['4 entry_unreadable', '5 entries_missing']]);
  });

  it('by removing a checkpoint is found: what came a minute after the one before has to be signed', async () => {
    await sql('DELETE FROM roster.audit_checkpoints WHERE seq = $1', signed);
    expect(await inDatabase()).toContain(`${signed + 1} checkpoint_missing`);
    const left = (await inFile(withAt(signed, (entry) => ({ ...entry, checkpoint: null })))).faults;
    expect(left).toEqual([`${signed + 1} checkpoint_missing`]);
  });

  it('and also removes the gap is still found: what comes next leaves it open', async () => {
    await sql('DELETE FROM roster.audit_entries WHERE seq >= $1', signed);
    await app.people.user();
    await everythingCopied(app);
    const faults = await inDatabase();
    expect(faults).toContain(`${signed} entries_missing`);
    // And what came after the gap is not signed as long as it is there.
    expect(faults.filter((fault) => !/ (entries|checkpoint)_missing$/.test(fault))).toEqual([]);
    await sql('DELETE FROM roster.audit_entries WHERE seq > $1', signed);
  });

  it('finds that erasing is something else: without its details the chain is whole', async () => {
    const erased = whole.filter(({ details }) => (details as { reason?: string }).reason === 'left');
    expect(erased).toHaveLength(4);
    const ids = whole.slice(3, 19).map(({ id }) => id);
    await sql('DELETE FROM roster.audit_details WHERE entry_id = ANY($1::uuid[])', ids);
    expect(await inDatabase()).toEqual([]);
    const after = await exported();
    expect(after.filter(({ details, salt }) => details === null && salt === null)).toHaveLength(16);
    expect(JSON.stringify(after)).not.toContain('"left"');
    expect((await inFile(after)).code).toBe(0);
  });

  it('cannot guess erased details from their digest', () => {
    const { salt, details, detailsDigest } = whole[4]!;
    expect(digestOf(salt!, details!)).toBe(detailsDigest);
    expect(digestOf('', details!)).not.toBe(detailsDigest);
    expect(new Set(whole.map((entry) => entry.salt)).size).toBe(whole.length);
  });

  it('is told by the command line in words, and what could not be verified too', async () => {
    writeFileSync(file, whole.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    const without = await runToEnd({}, ['audit', 'verify', '--file', file]);
    expect([without.code, without.stdout]).toEqual([0, expect.stringContaining('Signatures were not verified')]);
    expect(without.stdout).toContain('The end was not verified');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"left"', '"fired"'));
    const told = await runToEnd({}, ['audit', 'verify', '--file', file, '--key', publicKey]);
    expect([told.code, told.stdout]).toEqual([1, expect.stringMatching(/✗ The log was changed[^]*details_changed/)]);
    const nothing = await runToEnd({}, ['audit', 'verify', '--file', `${file}.none`]);
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining('ENOENT')]);
    const wrong = await runToEnd({}, ['audit', 'verify', '--file', file, '--key', 'short']);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('43 characters')]);
  });

  const checkpoints = (): Promise<{ seq: number; kid: string }[]> =>
    app.sql<{ seq: number; kid: string }>('SELECT seq::int, kid FROM roster.audit_checkpoints ORDER BY seq');

  /** As the owner of the database does it, who has no SECRET_KEY. */
  async function makeAnew(from: number): Promise<void> {
    await sql('UPDATE roster.audit_entries SET actor_id = $2 WHERE seq = $1', from, MALLORY);
    for (const { seq, hash, previousHash } of rewrittenFrom(from, { actorId: MALLORY }).slice(from - 1)) {
      await setHash(seq, hash);
      await sql(`UPDATE roster.audit_entries SET previous_hash = decode($2, 'hex') WHERE seq = $1`, seq, previousHash);
    }
  }

  it.each<[string, () => Promise<unknown>, () => string]>([
    ['no checkpoint at all', () => sql('DELETE FROM roster.audit_checkpoints'), () => '1 checkpoint_missing'],
    [
      'the first checkpoint alone',
      () => sql('DELETE FROM roster.audit_checkpoints WHERE seq > (SELECT min(seq) FROM roster.audit_checkpoints)'),
      () => `${signed + 1} checkpoint_missing`,
    ],
    [
      'checkpoints of a key of their own',
      () => {
        const forged = `UPDATE roster.audit_checkpoints c SET kid = 'feedfeedfeedfeed', hash = e.hash
          FROM roster.audit_entries e WHERE e.seq = c.seq AND c.seq > 1`;
        return sql(forged);
      },
      () => `${signed} checkpoint_key_unknown`,
    ],
  ])('by making the chain anew with %s is found, and what comes next does not sign it', async (_, forge, fault) => {
    // Regressed: the copier signed whatever it found, and thereby vouched for what somebody else had made.
    const first = (await checkpoints())[0]!.seq;
    await makeAnew(first + 1);
    await forge();
    const before = await checkpoints();
    app.clock.advance(AHEAD + 61_000);
    await app.people.user();
    await everythingCopied(app);
    app.clock.advance(-AHEAD - 61_000);
    expect(await checkpoints()).toEqual(before);
    expect(await inDatabase()).toContain(fault());
    const { body } = await ada.get<{ checks?: unknown }>('/health');
    expect(body).toMatchObject({ status: 'warn' });
  });
});
