import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { jest } from '@jest/globals';

import { AuditRetention } from '../../src/audit/audit-retention.service.js';
import type { ChainEntry } from '../../src/audit/chain.js';
import { Secrets } from '../../src/platform/crypto/secrets.js';
import { TestApp } from '../harness/app.js';
import { ask, freshDatabase, run } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { onDatabase, runToEnd } from '../harness/process.js';
import { everythingCopied } from './copied.js';

// The command line is a process of its own, on a machine that may be busy.
jest.setTimeout(300_000);

interface Report {
  readonly verified: boolean;
  readonly entries: number;
  readonly firstSeq: number;
  readonly retiredSeq: number | null;
  readonly publicKey: string;
  readonly faults: { seq: number; code: string }[];
}

/** Facts of more than a hundred days ago; the first of later ones has the next place. */
const OLD = 2400;
/** The last thousandth before them: there is a checkpoint, and one after it. */
const RETIRED = 2000;
const TABLES = ['audit_entries', 'audit_details', 'audit_checkpoints', 'audit_retirements'];

describe('the retirement of old months of the audit log', () => {
  const file = join(run.folder, `retired-${process.env['JEST_WORKER_ID']}.ndjson`);
  let app: TestApp;
  let ada: Person;

  beforeAll(async () => {
    const database = await freshDatabase(`retired_${process.env['JEST_WORKER_ID']}`);
    app = await TestApp.start({ database, settings: { ROLE: 'api', AUDIT_RETENTION: '60d' } });
    await app.sql('DELETE FROM roster.events');
    await app.sql(`SELECT roster.ensure_partitions(now() - interval '400 days', 10)`);
    // Of 390 to 110 days ago, in that order.
    await app.sql(
      `INSERT INTO roster.events (id, type, data, occurred_at, private)
       SELECT (left(roster.uuid_at(at)::text, 24) || right(gen_random_uuid()::text, 12))::uuid, 'test.happened', '{}', at, '{"ip": "192.0.2.7"}'
       FROM (SELECT date_trunc('milliseconds', now()) - interval '390 days' + n * interval '168 minutes' AS at
         FROM generate_series(1, $1) n ORDER BY n) old`,
      [OLD],
    );
    await app.stop();
    app = await TestApp.start({ database, settings: { AUDIT_RETENTION: '60d' } });
    ada = await app.people.admin();
    await everythingCopied(app);
    app.clock.advance(61_000);
    await app.people.user();
    await everythingCopied(app);
    app.clock.advance(-61_000);
  });
  afterAll(async () => {
    rmSync(file, { force: true });
    await app.stop();
  });

  const retire = (): Promise<number> => app.get(AuditRetention).retire();
  const count = async (table: string): Promise<number> =>
    (await app.sql<{ count: number }>(`SELECT count(*)::int AS count FROM roster.${table}`))[0]!.count;
  const verified = async (): Promise<Report> => {
    const { stdout } = await runToEnd(onDatabase(app.ground.address), ['audit', 'verify', '--json']);
    return JSON.parse(stdout) as Report;
  };
  const faults = async (): Promise<string[]> => (await verified()).faults.map(({ seq, code }) => `${seq} ${code}`);
  const exported = async (): Promise<ChainEntry[]> => {
    const { text } = await ada.get('/api/v1/audit', { accept: 'application/x-ndjson' });
    const lines = text.trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as ChainEntry);
  };
  const offline = async (entries: readonly object[], key: string): Promise<Report> => {
    writeFileSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    const nowhere = { DATABASE_URL: 'postgres://nowhere.invalid/none', DATA_DIR: '/nowhere' };
    const { stdout, stderr } = await runToEnd(nowhere, ['audit', 'verify', '--file', file, '--json', '--key', key]);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as Report;
  };

  it("is nothing that the application's role could do by itself", async () => {
    const { url } = app.ground.address;
    const refused = async (text: string, why: string): Promise<void> => {
      await expect(ask(url, text)).rejects.toThrow(why);
    };
    await refused('DELETE FROM roster.audit_entries WHERE seq = 1', 'permission denied');
    await refused('SELECT roster.retire_audit(10, 100)', 'nothing says');
    const newest = (await app.sql<{ seq: number }>('SELECT max(seq)::int AS seq FROM roster.audit_entries'))[0]!.seq;
    await ask(
      url,
      `INSERT INTO roster.audit_retirements (seq, hash, signed_at, kid, signature, created_at) VALUES ($1, '\\x00', now(), 'own', '\\x00', now())`,
      [newest],
    );
    await refused(`SELECT roster.retire_audit(${newest}, 100)`, 'kept for 30 days');
    await refused("UPDATE roster.audit_retirements SET kid = 'mine'", 'permission denied');
    await refused('DELETE FROM roster.audit_retirements', 'permission denied');
    await app.sql('DELETE FROM roster.audit_retirements');
  });

  it('does not make good what was changed before', async () => {
    const all = await count('audit_entries');
    await app.sql("UPDATE roster.audit_entries SET actor_id = 'mallory' WHERE seq = 700");
    expect(await retire()).toBe(0);
    expect([await count('audit_entries'), await count('audit_retirements')]).toEqual([all, 0]);
    expect(await faults()).toEqual(['700 entry_changed']);
    await app.sql('UPDATE roster.audit_entries SET actor_id = NULL WHERE seq = 700');
  });

  it('takes them away with a signed record, and what is left is proved from there on, offline too', async () => {
    expect(await verified()).toMatchObject({ verified: true, firstSeq: 1, retiredSeq: null });
    const { months } = (
      await app.sql<{ months: number }>(
        `SELECT count(*)::int AS months FROM pg_inherits WHERE inhparent = 'roster.audit_entries'::regclass`,
      )
    )[0]!;
    expect(await retire()).toBe(RETIRED);
    const oldest = `SELECT min(e.seq)::int AS entry, count(*) FILTER (WHERE d.entry_id IS NULL)::int AS bare,
      (SELECT count(*)::int FROM roster.audit_details WHERE NOT EXISTS (SELECT FROM roster.audit_entries WHERE id = entry_id)) AS left
      FROM roster.audit_entries e LEFT JOIN roster.audit_details d ON d.entry_id = e.id`;
    expect(await app.sql(oldest)).toEqual([{ entry: RETIRED + 1, bare: 0, left: 0 }]);
    expect(
      await app.sql(`SELECT 1 FROM pg_inherits WHERE inhparent = 'roster.audit_entries'::regclass OFFSET $1`, [
        months - 7,
      ]),
    ).toEqual([]);
    await everythingCopied(app);
    const report = await verified();
    expect(report).toMatchObject({ verified: true, firstSeq: RETIRED + 1, retiredSeq: RETIRED, faults: [] });
    expect(await app.sql("SELECT data FROM roster.audit_entries WHERE type = 'audit.retired'")).toEqual([
      { data: { seq: RETIRED } },
    ]);
    const { body } = await ada.get<Report>(`/api/v1/audit/verify?from=${RETIRED - 9}&to=${RETIRED + 5}`);
    expect(body).toMatchObject({ verified: true, entries: 5, firstSeq: RETIRED + 1, retiredSeq: RETIRED });
    expect((await ada.get<Report>('/api/v1/audit/verify?from=1&to=5')).body).toMatchObject({
      verified: true,
      entries: 0,
    });
    const entries = await exported();
    const whole = { verified: true, entries: entries.length, firstSeq: RETIRED + 1, retiredSeq: RETIRED };
    expect(await offline(entries, report.publicKey)).toMatchObject(whole);
    expect(await offline([...entries].reverse(), report.publicKey)).toMatchObject(whole);
    const text = await runToEnd({}, ['audit', 'verify', '--file', file, '--key', report.publicKey]);
    expect(text.stdout).toContain(`Up to ${RETIRED} they were let go, which is signed`);
    // It is done: what is younger stays, also the rest of that month.
    expect(await retire()).toBe(0);
    expect(await verified()).toMatchObject({ verified: true, retiredSeq: RETIRED });
  });

  it('does not cover who removes anything else', async () => {
    const { publicKey } = await verified();
    const entries = await exported();
    for (const table of TABLES) await app.sql(`CREATE TABLE public.kept_${table} AS SELECT * FROM roster.${table}`);
    const forge = (through: number): Promise<unknown> =>
      app.sql(
        `INSERT INTO roster.audit_retirements (seq, hash, signed_at, kid, signature, created_at)
         SELECT e.seq, e.hash, r.signed_at, r.kid, r.signature, now() FROM roster.audit_entries e, roster.audit_retirements r WHERE e.seq = $1`,
        [through],
      );
    const ways: [string, () => Promise<unknown>, string[]][] = [
      ['the record', () => app.sql('DELETE FROM roster.audit_retirements'), ['1 entries_missing']],
      [
        'an entry more',
        () => app.sql('DELETE FROM roster.audit_entries WHERE seq = $1', [RETIRED + 1]),
        [`${RETIRED + 1} entries_missing`],
      ],
      [
        'fifty more, with a record of their own',
        async () => {
          await forge(RETIRED + 50);
          await app.sql('DELETE FROM roster.audit_entries WHERE seq <= $1', [RETIRED + 50]);
        },
        [`${RETIRED + 1} entries_missing`, `${RETIRED + 51} checkpoint_forged`],
      ],
      [
        'fifty more, with the old record moved',
        async () => {
          await app.sql('UPDATE roster.audit_retirements SET seq = seq + 50');
          await app.sql('DELETE FROM roster.audit_entries WHERE seq <= $1', [RETIRED + 50]);
        },
        ['1 entries_missing', `${RETIRED + 51} checkpoint_forged`],
      ],
    ];
    for (const [, remove, found] of ways) {
      await remove();
      expect((await faults()).sort()).toEqual([...found].sort());
      for (const table of TABLES) {
        await app.sql(`DELETE FROM roster.${table}`);
        await app.sql(`INSERT INTO roster.${table} SELECT * FROM public.kept_${table}`);
      }
    }
    expect(await faults()).toEqual([]);
    const oldest = entries.findIndex(({ seq }) => seq === RETIRED + 1);
    const moved = entries.filter(({ seq }) => seq > RETIRED + 50);
    const { retirement } = entries[oldest]!;
    const last = moved.length - 1;
    for (const [lines, found] of [
      [entries.with(oldest, { ...entries[oldest]!, retirement: null }), ['1 entries_missing']],
      [moved, ['1 entries_missing']],
      [moved.with(last, { ...moved[last]!, retirement }), ['1 entries_missing', `${RETIRED + 51} checkpoint_forged`]],
    ] as const)
      expect((await offline(lines, publicKey)).faults.map(({ seq, code }) => `${seq} ${code}`).sort()).toEqual(found);
  });

  it('goes on where a process died, and with a new SECRET_KEY', async () => {
    const [kept] = await app.sql<{ kid: string }>('SELECT kid FROM roster.audit_retirements');
    const keys = {
      SECRET_KEY: Buffer.alloc(32, 8).toString('base64'),
      SECRET_KEY_PREVIOUS: Buffer.alloc(32, 7).toString('base64'),
    };
    const address = app.ground.address;
    await app.stop();
    app = await TestApp.start({ database: address, secrets: new Secrets(Buffer.alloc(32, 8), Buffer.alloc(32, 7)) });
    expect(await retire()).toBe(0);
    const kids = await app.sql<{ kid: string }>('SELECT kid FROM roster.audit_retirements ORDER BY created_at');
    expect(kids.map(({ kid }) => kid)).toEqual([kept!.kid, expect.not.stringMatching(kept!.kid)]);
    // Without AUDIT_RETENTION nothing more goes.
    expect(kids).toHaveLength(2);
    const { stdout } = await runToEnd({ ...onDatabase(address), ...keys }, ['audit', 'verify', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ verified: true, retiredSeq: RETIRED });
  });
});
