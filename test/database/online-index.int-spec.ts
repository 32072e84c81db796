import { Client } from 'pg';

import { createDataSource } from '../../ormconfig.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { migrate } from '../../src/platform/database/migrate.js';
import { asSuperuser, ask, freshDatabase } from '../harness/database.js';

const WRITES = 100;
const FACT = `INSERT INTO roster.events (id, type, data, occurred_at)
  VALUES (overlay(gen_random_uuid()::text PLACING left(roster.uuid_at(now())::text, 13) FROM 1)::uuid, 'test.written', '{}', now())`;
const PASSWORD = "UPDATE roster.password_hashes SET hash = hash WHERE user_id = '01a1fb89-a690-7530-90c7-ac334b012900'";

describe('an index on a table that everybody writes to', () => {
  let address: DatabaseAddress;
  const up = (): ReturnType<typeof migrate> => {
    const patience = { poolMax: 1, applicationName: 'online-index', patience: 60_000 };
    return migrate(createDataSource({ url: address.ownerUrl, ...patience }), address.ownerUrl, null);
  };
  const sql = <T>(text: string, values: unknown[] = []): Promise<T[]> => ask<T>(asSuperuser(address), text, values);
  const forget = (name: string): Promise<unknown> => sql('DELETE FROM roster.migrations WHERE name = $1', [name]);
  const states = (index: string): Promise<{ name: string; valid: boolean }[]> =>
    sql(
      `SELECT c.relname AS name, indisvalid AS valid FROM pg_index JOIN pg_class c ON c.oid = indexrelid
       WHERE indexrelid = to_regclass($1) OR indexrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass($1))
       ORDER BY name`,
      [index],
    );

  beforeAll(async () => {
    address = await freshDatabase('online_index');
  });

  it.each([
    ['EventsByType1796010000000', 'roster.events_type_idx', FACT],
    ['KeyedHashes1796310000000', 'roster.password_hashes_keyed_idx', PASSWORD],
  ])(
    'is made by %s while writes go on, though one of them is never done',
    async (migration, index, write) => {
      const before = await states(index);
      await sql(`DROP INDEX ${index}`);
      await forget(migration);
      const [open, writer] = [1, 2].map(() => new Client({ connectionString: asSuperuser(address) }));
      await Promise.all([open!.connect(), writer!.connect()]);
      await open!.query('BEGIN');
      await open!.query(write);
      let isOver = false;
      const making = up().finally(() => (isOver = true));
      // What waits for the index would wait for a lock; a machine that stands still is no matter.
      await writer!.query("SET lock_timeout = '1500ms'");
      for (let n = 0; n < WRITES; n += 1) await writer!.query(`${write}; SELECT pg_sleep(0.02)`);
      expect(isOver).toBe(false);
      await open!.query('COMMIT');
      await Promise.all([open!.end(), writer!.end()]);
      expect((await making).ran).toEqual([migration]);
      expect(await states(index)).toEqual(before);
      expect(before.every(({ valid }) => valid)).toBe(true);
    },
    180_000,
  );

  it('A24 is made on no partition whose name is not ours: it would become part of a statement', async () => {
    await sql(`CREATE TABLE roster."events; DROP" PARTITION OF roster.events
      FOR VALUES FROM ('ff000000-0000-0000-0000-000000000000') TO ('ff000001-0000-0000-0000-000000000000')`);
    await sql('DROP INDEX roster.events_type_idx');
    await forget('EventsByType1796010000000');
    await expect(up()).rejects.toThrow('A partition has a strange name');
    await sql('DROP TABLE roster."events; DROP"');
    expect((await up()).ran).toEqual(['EventsByType1796010000000']);
  });

  it('is made whole where making it was interrupted', async () => {
    const before = await states('roster.events_type_idx');
    await sql('DROP INDEX roster.events_type_idx');
    await forget('EventsByType1796010000000');
    const partitions = before.map(({ name }) => /^(.*)_type_xid_seq_idx$/.exec(name)?.[1]).filter(Boolean);
    expect(partitions.length).toBeGreaterThan(2);
    await sql('CREATE INDEX events_type_idx ON ONLY roster.events (type, xid, seq)');
    const [attached, made, half] = partitions.map((name) => `${name}_type_xid_seq_idx`);
    for (const [place, name] of [attached, made, half].entries())
      await sql(`CREATE INDEX ${name} ON roster.${partitions[place]} (type, xid, seq)`);
    await sql(`ALTER INDEX roster.events_type_idx ATTACH PARTITION roster.${attached}`);
    // As CREATE INDEX CONCURRENTLY leaves it.
    await sql(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'roster.${half}'::regclass`);
    expect((await up()).ran).toEqual(['EventsByType1796010000000']);
    expect(await states('roster.events_type_idx')).toEqual(before);
  }, 180_000);
});
