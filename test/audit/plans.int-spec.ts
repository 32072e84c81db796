import { AuditRepository } from '../../src/audit/audit.repository.js';
import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import type { Failure, PageOf } from '../users/shapes.js';

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: Plan[];
}
type Explained = [{ Plan: Plan; 'Execution Time': number }];

const MANY = 100_000;
/** Milliseconds that a page may take PostgreSQL; most take one. */
const QUICK = 500;

/** Entries of four months: an actor in a thousand, an address in five hundred, one refusal in two hundred. */
const PLANT = `
  WITH planted AS (
    INSERT INTO roster.audit_entries (id, seq, occurred_at, type, subject, subject_version, data, actor_id, on_behalf_of,
      request_id, outcome, details_digest, previous_hash, hash)
    SELECT overlay(gen_random_uuid()::text PLACING left(roster.uuid_at(at)::text, 13) FROM 1)::uuid, n, at,
      'planted.' || n % 50, CASE WHEN n % 2 = 0 THEN 'users/' || n % 5000 END, 1,
      CASE WHEN n % 3 = 0 THEN jsonb_build_object('userId', (n % 5000)::text) ELSE '{}' END, 'actor' || n % 1000,
      CASE WHEN n % 700 = 0 THEN 'behalf' || n % 7 END, 'request' || n,
      CASE WHEN n % 200 = 0 THEN 'refused' ELSE 'success' END, zero, zero, zero
    FROM (SELECT n, now() - interval '30 days' + n * interval '80 seconds' AS at, sha256('') AS zero
      FROM generate_series(1, $1::integer) n) made
    RETURNING id, seq)
  INSERT INTO roster.audit_details (entry_id, salt, details)
  SELECT id, '', jsonb_build_object('ip', '192.0.2.' || seq % 250 || '.' || seq % 500) FROM planted`;

const FILTERS = [
  'type eq "planted.7"',
  'type sw "planted.4"',
  'subject eq "users/42"',
  'subject sw "users/42"',
  'actorId eq "actor42"',
  'onBehalfOf eq "behalf0"',
  'onBehalfOf pr',
  'requestId eq "request777"',
  'outcome eq "refused"',
  'outcome eq "success"',
  'ip eq "192.0.2.42.42"',
  'ip eq "203.0.113.1"',
  'type eq "planted.0" and outcome eq "refused" and actorId eq "actor200"',
];

describe('the audit log of 100,000 entries', () => {
  let app: TestApp;
  let ada: Person;
  let asked: { text: string; parameters: unknown[] }[];

  beforeAll(async () => {
    const database = await freshDatabase(`audit_plans_${process.env['JEST_WORKER_ID']}`);
    app = await TestApp.start({ database, settings: { ROLE: 'api' } });
    await app.sql("SELECT roster.ensure_partitions(now() - interval '1 month', 6)");
    await app.sql(PLANT, [MANY]);
    await app.sql('ANALYZE roster.audit_entries, roster.audit_details, roster.audit_checkpoints');
    ada = await app.people.admin();
    const repository = app.get(AuditRepository);
    const page = repository.page.bind(repository);
    repository.page = (statement) => {
      asked.push(statement);
      return page(statement);
    };
  }, 300_000);
  beforeEach(() => {
    asked = [];
  });
  afterAll(() => app.stop());

  /** How PostgreSQL answers the page that was last asked for. */
  async function explain(): Promise<{ scans: string[]; milliseconds: number }> {
    const { text, parameters } = asked.at(-1)!;
    const rows = await app.sql<{ 'QUERY PLAN': Explained }>(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, parameters);
    const [{ Plan: plan, 'Execution Time': milliseconds }] = rows[0]!['QUERY PLAN'];
    return { scans: scansOf(plan), milliseconds };
  }

  async function expectQuick(url: string): Promise<string> {
    const { status } = await ada.get<PageOf<object> | Failure>(url);
    let { scans, milliseconds } = await explain();
    // A machine that stood still says nothing of a plan.
    for (let tries = 1; milliseconds >= QUICK && tries < 3; tries += 1) ({ scans, milliseconds } = await explain());
    // Ranges, and addresses, which lie in another table, are sorted after they were found, or filtered out of what is
    // sorted: the planner knows which is less.
    expect([url, status, /(ip%20eq|%20sw)/.test(url) ? [] : scans]).toEqual([url, 200, []]);
    expect(milliseconds).toBeLessThan(QUICK);
    return `${milliseconds.toFixed(1).padStart(6)} ms`;
  }

  it('is served by an index under every filter, both ways, on the first page and deep inside', async () => {
    const told: string[] = [];
    const { start, end } = (
      await app.sql<{ start: Date; end: Date }>(
        'SELECT min(occurred_at) AS start, min(occurred_at) + interval \'20 minutes\' AS "end" FROM roster.audit_entries',
      )
    )[0]!;
    const range = `occurredAt ge "${start.toISOString()}" and occurredAt lt "${end.toISOString()}"`;
    for (const filter of [...FILTERS, range, null])
      for (const sort of ['occurredAt', '-occurredAt']) {
        const url = `/api/v1/audit?sort=${sort}&limit=100${filter ? `&filter=${encodeURIComponent(filter)}` : ''}`;
        const first = await expectQuick(url);
        const { body } = await ada.get<PageOf<object>>(url);
        const next = body.page.nextCursor && (await expectQuick(`${url}&cursor=${body.page.nextCursor}`));
        told.push(`${(filter ?? 'none').slice(0, 40).padEnd(42)}${sort.padEnd(13)}${first} · next ${next ?? 'none'}`);
      }
    process.stdout.write(`\n${told.join('\n')}\n`);
  }, 300_000);

  it('finds what is about somebody by an index', async () => {
    for (const sort of ['occurredAt', '-occurredAt']) await expectQuick(`/api/v1/me/security-log?sort=${sort}`);
  });
});

/** The tables that are read far beyond what is asked for; empty partitions and the few checkpoints are not worth an index. */
function scansOf(plan: Plan): string[] {
  const removed = plan['Rows Removed by Filter'] ?? 0;
  const isWhole = plan['Node Type'] === 'Seq Scan' && plan['Actual Rows'] + removed > 1000;
  const own = isWhole || removed > 5000 ? [plan['Relation Name']!] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(scansOf)];
}
