import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { ROOT } from '../architecture/planted-tree.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';

/** By which schedule the rows of a table end. */
const ENDED_BY: Readonly<Record<string, string>> = {
  api_keys: 'credentials.prune',
  audit_checkpoints: 'audit.retire',
  audit_details: 'audit.retire',
  audit_entries: 'audit.retire',
  events: 'events.retire',
  export_chunks: 'imports.prune',
  exports: 'imports.prune',
  flows: 'flows.prune',
  guesses: 'guesses.prune',
  idempotency_keys: 'idempotency_keys.prune',
  import_chunks: 'imports.prune',
  import_claims: 'imports.prune',
  import_rows: 'imports.prune',
  imports: 'imports.prune',
  invitations: 'credentials.prune',
  jobs: 'jobs.prune',
  mail_messages: 'mail.prune',
  rate_limits: 'rate_limits.prune',
  refresh_tokens: 'sessions.prune',
  revocations: 'revocations.prune',
  sessions: 'sessions.prune',
  signing_keys: 'credentials.prune',
  trusted_devices: 'trusted_devices.prune',
  webauthn_challenges: 'webauthn_challenges.prune',
  webhook_deliveries: 'webhooks.prune',
  webhooks: 'webhooks.prune',
};

/** Those that grow with what people make and keep, and no further. */
const BOUNDED: Readonly<Record<string, string>> = {
  audit_retirements: 'one for each month of the audit log that went',
  event_cursors: 'one for each reader of ours',
  events_retired: 'one row',
  factors: 'ten for each user',
  job_workers: 'one for each process; those that are silent for seconds go',
  migrations: 'one for each change of the tables',
  password_hashes: 'one for each user',
  permissions: 'those that the program knows',
  recovery_codes: 'a set for each user',
  role_permissions: 'roles and permissions',
  roles: 'made by administrators',
  settings: 'names that the program knows',
  totp_tries: 'one for each user',
  user_permissions: 'users and permissions',
  user_roles: 'users and roles',
  users: 'people',
};

describe('every table', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  afterAll(() => app.stop());

  const tables = async (): Promise<string[]> =>
    (
      await app.sql<{ name: string }>(
        `SELECT relname AS name FROM pg_class
         WHERE relnamespace = 'roster'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname COLLATE "C"`,
      )
    ).map(({ name }) => name);

  /** How a job ended. */
  const endOf = async (ada: Person, id: string): Promise<string> => {
    for (;;) {
      const { state } = (await ada.get<{ state: string }>(`/api/v1/jobs/${id}`)).body;
      // What failed is tried again; what has failed for good is dead.
      if (!['queued', 'running', 'failed'].includes(state)) return state;
      await sleep(50);
    }
  };

  it('ends its rows, or is bounded by what people make', async () => {
    expect(await tables()).toEqual([...Object.keys(ENDED_BY), ...Object.keys(BOUNDED)].sort());
  });

  it('that ends its rows does so by a schedule that is there', async () => {
    const ada = await app.people.admin();
    const { body } = await ada.get<{ data: { name: string }[] }>('/api/v1/jobs/schedules');
    const schedules = body.data.map(({ name }) => name);
    expect(schedules).toEqual(expect.arrayContaining([...new Set(Object.values(ENDED_BY))]));
    // Each can be run without waiting for its hour, and is done.
    for (const name of new Set(Object.values(ENDED_BY))) {
      const { status, body: run } = await ada.post<{ id: string }>(`/api/v1/jobs/schedules/${name}/runs`);
      expect([name, status]).toEqual([name, 201]);
      expect([name, await endOf(ada, run.id)]).toEqual([name, 'succeeded']);
    }
  }, 240_000);

  it('is in the list of what is kept, with how it ends', async () => {
    const page = readFileSync(`${ROOT}/docs/operations.md`, 'utf8');
    const list = /## What is kept, and for how long\n([^]*?)\n## /.exec(page)![1]!;
    const told = (await tables()).filter((name) => name !== 'migrations' && !list.includes(`\`${name}\``));
    expect(told).toEqual([]);
    for (const [table, schedule] of Object.entries(ENDED_BY))
      expect(list.split('\n').some((line) => line.includes(`\`${table}\``) && line.includes(`\`${schedule}\``))).toBe(
        true,
      );
  });
});
