import { contentsOf } from './backup-drill.js';

type Sql = (text: string, values?: unknown[]) => Promise<unknown[]>;

/** A row for each table that no short life of a Roster fills; $1 is somebody. Nothing of it is sent anywhere. */
const ROWS: Readonly<Record<string, string>> = {
  audit_retirements: `SELECT -7, '\\x01', now(), 'nobody', '\\xff00', now()`,
  events_retired: `SELECT true, '3', 1`,
  exports: `SELECT gen_random_uuid(), 'completed', 'csv', NULL, $1, 1, 1, 3, 1, NULL, NULL, NULL, now(), now(), now(), 1, NULL`,
  export_chunks: `SELECT id, 0, '\\x00ff0a' FROM roster.exports`,
  factors: `SELECT gen_random_uuid(), $1, 'totp', 'Phone', '\\x00', 12345678901, NULL, NULL, NULL, '{}', NULL, NULL, now(), NULL, NULL, 1`,
  guesses: `SELECT '\\x00', '\\xff', 3, now(), 'infinity', true`,
  idempotency_keys: `SELECT '\\x00', '\\x01', '\\x02', now() + interval '1 day'`,
  import_claims: `SELECT id, 'email:x@example.com' FROM roster.imports`,
  import_rows: `SELECT id, 1000, gen_random_uuid(), 2, 'failed', NULL, 'a', '/b', 'c' FROM roster.imports`,
  job_workers: `SELECT 'gone', 'host', 1, '{guesses.prune}', now() - interval '1 day', now() - interval '1 day'`,
  rate_limits: `SELECT 'drill', 1, 9007199254740993`,
  recovery_codes: `SELECT $1, '\\x00', now(), NULL`,
  revocations: `SELECT gen_random_uuid(), 'session', 'somebody', now()`,
  totp_tries: `SELECT $1, 1, NULL`,
  trusted_devices: `SELECT gen_random_uuid(), $1, '\\x00', 'Laptop', '192.0.2.1', NULL, now(), now() + interval '1 day', NULL`,
  user_permissions: `SELECT $1, (SELECT min(name) FROM roster.permissions), now(), $1, now() + interval '1 day', 'drill'`,
  webauthn_challenges: `SELECT gen_random_uuid(), $1, 'register', '\\x00', now(), now() + interval '1 hour', NULL`,
  webhooks: `SELECT gen_random_uuid(), 'https://hooks.invalid/', '{user.*}', NULL, NULL, 'subject', '\\x00', NULL, NULL, now(),
    'by_hand', NULL, NULL, 0, NULL, pg_snapshot_xmin(pg_current_snapshot()), false, now(), $1, $1, NULL, 1`,
  webhook_deliveries: `SELECT gen_random_uuid(), w.id, 'event', NULL, e.id, e.type, e.subject, e.xid, e.seq, '{}', 'waiting', 1,
    'infinity'::timestamptz, NULL, now(), now(), NULL, 500, NULL, 12, '{"a": "b"}'::jsonb, 'no', '[]'::jsonb, now()
    FROM roster.webhooks w, (SELECT * FROM roster.events ORDER BY xid, seq LIMIT 1) e`,
};

/** Puts a row into each table that is empty. */
export async function fillEveryTable(sql: Sql, personId: string): Promise<void> {
  for (const [table, row] of Object.entries(ROWS))
    if ((await sql(`SELECT 1 FROM roster.${table} LIMIT 1`)).length === 0)
      await sql(`INSERT INTO roster.${table} ${row}`, row.includes('$1') ? [personId] : []);
  await sql("SELECT graphile_worker.add_job('drill.waits', queue_name => 'drill', run_at => '2100-01-01')");
}

/** What would be copied whether it is copied or not. */
export async function emptyTables(url: string): Promise<string[]> {
  return Object.entries(await contentsOf(url))
    .filter(([, { rows }]) => rows === 0)
    .map(([name]) => name);
}

/** What a process has in its hands when a copy is made, which is not there afterwards. */
export async function takeJobInHand(sql: Sql): Promise<void> {
  await sql(
    `WITH job AS (INSERT INTO roster.jobs (id, name, state, payload, is_secret, is_long, attempts, spared, max_attempts, crashes, version, worker, created_at, run_at)
       VALUES (gen_random_uuid(), 'guesses.prune', 'running', '{}', false, false, 1, 0, 3, 0, 2, 'gone', now(), now()) RETURNING id)
     SELECT graphile_worker.add_job('job:guesses.prune', json_build_object('job', id), 'drill', now(), 32767, id::text) FROM job`,
  );
  await sql(
    `UPDATE graphile_worker._private_jobs SET locked_at = now(), locked_by = 'gone', attempts = 1
     WHERE task_id = (SELECT id FROM graphile_worker._private_tasks WHERE identifier = 'job:guesses.prune')`,
  );
}
