import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { asSuperuser, ask, freshDatabase } from '../harness/database.js';

/** SQLSTATE 42501: insufficient_privilege. */
const REFUSED = { code: '42501' };

describe('the role of the application', () => {
  let address: DatabaseAddress;
  let superUrl: string;

  const deed = (text: string): Promise<unknown> => ask(address.url, text);

  beforeAll(async () => {
    address = await freshDatabase('roles');
    superUrl = asSuperuser(address);
  });

  it('is neither superuser nor owner of anything', async () => {
    const [role] = await ask(
      superUrl,
      `SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = 'roster_app'`,
    );
    expect(Object.values(role!)).toEqual([false, false, false, false, false]);
    expect(await ask(superUrl, "SELECT relname FROM pg_class WHERE relowner = 'roster_app'::regrole")).toEqual([]);
    expect(await ask(superUrl, "SELECT 1 FROM pg_auth_members WHERE member = 'roster_app'::regrole")).toEqual([]);
  });

  it.each([
    ['creates no table', 'CREATE TABLE roster.mine (id int)'],
    ['creates none in public either', 'CREATE TABLE public.mine (id int)'],
    ['creates no schema', 'CREATE SCHEMA mine'],
    ['creates no function', "CREATE FUNCTION roster.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    ['adds no column', 'ALTER TABLE roster.users ADD COLUMN mine int'],
    ['drops no table', 'DROP TABLE roster.users'],
    ['drops no index', 'DROP INDEX roster.users_email_key_idx'],
    ['empties no table', 'TRUNCATE roster.users CASCADE'],
    ['puts no trigger on a table', 'CREATE TRIGGER mine BEFORE INSERT ON roster.events EXECUTE FUNCTION now()'],
    ['writes no migration', "INSERT INTO roster.migrations (timestamp, name) VALUES (1, 'mine')"],
    ['changes no migration', "UPDATE roster.migrations SET name = 'mine'"],
    ['removes no migration', 'DELETE FROM roster.migrations'],
    ['gives itself no rights', "SELECT roster.grant_application_role('roster_app')"],
    ['takes no other role', 'SET ROLE roster_owner'],
    ['runs no program', "COPY roster.settings TO PROGRAM 'cat'"],
  ])('%s', async (_, text) => {
    // Whoever does not own a thing is refused with one of two codes: no privilege (42501), or not its owner (also 42501).
    await expect(deed(text)).rejects.toMatchObject(REFUSED);
  });

  /** Every table that facts lie in: the parent and each of its partitions, also one that was made just now. */
  const tablesOfFacts = async (): Promise<string[]> => {
    const rows = await ask<{ name: string }>(
      superUrl,
      `SELECT 'roster.' || relname AS name FROM pg_class
       WHERE oid = 'roster.events'::regclass OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'roster.events'::regclass)`,
    );
    return rows.map(({ name }) => name);
  };

  it('cannot change, remove or empty a fact, by the table or by any of its partitions', async () => {
    await deed("SELECT roster.ensure_partitions('2032-01-01', 2)");
    const tables = await tablesOfFacts();
    expect(tables).toEqual(expect.arrayContaining(['roster.events', 'roster.events_default', 'roster.events_2032_03']));
    for (const table of tables) {
      await expect(deed(`UPDATE ${table} SET data = '{}'`)).rejects.toMatchObject(REFUSED);
      await expect(deed(`DELETE FROM ${table}`)).rejects.toMatchObject(REFUSED);
      await expect(deed(`TRUNCATE ${table}`)).rejects.toMatchObject(REFUSED);
    }
  });

  it('cannot reach a new partition even where new tables are given to everybody', async () => {
    await ask(
      address.ownerUrl,
      'ALTER DEFAULT PRIVILEGES IN SCHEMA roster GRANT ALL ON TABLES TO roster_app; ALTER DEFAULT PRIVILEGES IN SCHEMA roster GRANT ALL ON TABLES TO PUBLIC',
    );
    await deed("SELECT roster.ensure_partitions('2035-01-01', 0)");
    for (const table of await tablesOfFacts())
      await expect(deed(`DELETE FROM ${table}`)).rejects.toMatchObject(REFUSED);
  });

  it('adds to the audit log, erases personal details, and changes nothing else of it', async () => {
    await deed(`INSERT INTO roster.audit_entries (id, seq, occurred_at, type, data, outcome, details_digest, previous_hash, hash)
      VALUES (gen_random_uuid(), 1, now(), 'test.happened', '{}', 'success', '', '', '')`);
    await deed("INSERT INTO roster.audit_details VALUES (gen_random_uuid(), '', '{}')");
    await deed("INSERT INTO roster.audit_checkpoints VALUES (1, '', '', '', now())");
    const partitions = await ask<{ name: string }>(
      superUrl,
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'roster.audit_entries'::regclass",
    );
    const entries = ['roster.audit_entries', ...partitions.map(({ name }) => name)];
    expect(entries.length).toBeGreaterThan(4);
    for (const table of [...entries, 'roster.audit_checkpoints'])
      for (const text of [`UPDATE ${table} SET seq = 2`, `DELETE FROM ${table}`, `TRUNCATE ${table}`])
        await expect(deed(text)).rejects.toMatchObject(REFUSED);
    await expect(deed("UPDATE roster.audit_details SET details = '{}'")).rejects.toMatchObject(REFUSED);
    await expect(deed('TRUNCATE roster.audit_details')).rejects.toMatchObject(REFUSED);
    expect(await deed('DELETE FROM roster.audit_details RETURNING 1 AS gone')).toEqual([{ gone: 1 }]);
  });

  it('changes nothing of what says how much was let go', async () => {
    for (const text of ['UPDATE roster.audit_retirements SET seq = 2', 'DELETE FROM roster.audit_retirements'])
      await expect(deed(text)).rejects.toMatchObject(REFUSED);
    for (const text of [
      "INSERT INTO roster.events_retired VALUES (true, '3', 1)",
      'UPDATE roster.events_retired SET seq = 2',
      'DELETE FROM roster.events_retired',
    ])
      await expect(deed(text)).rejects.toMatchObject(REFUSED);
    expect(await deed('SELECT * FROM roster.events_retired')).toEqual([]);
  });

  it('records facts and reads them, and writes every other table', async () => {
    await deed(`INSERT INTO roster.events (id, type, data, occurred_at)
      VALUES (gen_random_uuid(), 'test.happened', '{}', now())`);
    expect(await deed("SELECT type FROM roster.events WHERE type = 'test.happened'")).toHaveLength(1);
    const tables = await ask<{ name: string }>(
      superUrl,
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'roster'::regnamespace AND relkind IN ('r', 'p')
       AND NOT relispartition
       AND relname NOT IN ('events', 'events_retired', 'migrations', 'audit_entries', 'audit_details', 'audit_checkpoints',
         'audit_retirements')`,
    );
    for (const { name } of tables) {
      const [may] = await ask(
        superUrl,
        "SELECT bool_and(has_table_privilege('roster_app', 'roster.' || $1, p)) AS all FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p",
        [name],
      );
      expect({ name, ...may }).toEqual({ name, all: true });
    }
  });

  it('owes work and takes it back', async () => {
    const [job] = await ask<{ id: string }>(address.url, "SELECT id FROM graphile_worker.add_job('test')");
    expect(await ask(address.url, 'SELECT id FROM graphile_worker.jobs WHERE id = $1', [job!.id])).toHaveLength(1);
    await ask(address.url, 'SELECT graphile_worker.complete_jobs(ARRAY[$1::bigint])', [job!.id]);
  });
});
