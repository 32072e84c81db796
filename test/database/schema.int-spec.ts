import type { DataSource } from 'typeorm';

import { createDataSource } from '../../ormconfig.js';
import { asSuperuser, ask, workerDatabase } from '../harness/database.js';

describe('the entities and the migrations', () => {
  let source: DataSource;
  let superUrl: string;

  beforeAll(async () => {
    const address = await workerDatabase();
    superUrl = asSuperuser(address);
    source = createDataSource({ url: address.ownerUrl, poolMax: 1, applicationName: 'schema', patience: 60_000 });
    await source.initialize();
  });
  afterAll(() => source.destroy());

  it('describe the same tables', async () => {
    const { upQueries, downQueries } = await source.driver.createSchemaBuilder().log();
    expect([...upQueries, ...downQueries].map(({ query }) => query)).toEqual([]);
  });

  it('agree on every foreign key', async () => {
    const named = source.entityMetadatas.flatMap(({ foreignKeys, tableName }) =>
      foreignKeys.map((key) => `${tableName} ${key.name} ${key.onDelete}`),
    );
    const rows = await ask<{ key: string }>(
      superUrl,
      `SELECT conrelid::regclass || ' ' || conname || ' ' ||
         CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'r' THEN 'RESTRICT' WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END AS key
       FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid
       WHERE contype = 'f' AND conparentid = 0 AND NOT t.relispartition AND connamespace = 'roster'::regnamespace`,
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.sort()).toEqual(rows.map(({ key }) => key.replace('roster.', '')).sort());
  });

  it('agree on every index that only SQL can say', async () => {
    const named = source.entityMetadatas.flatMap(({ indices, tableName }) =>
      indices.filter((index) => !index.synchronize).map((index) => `${tableName} ${index.name}`),
    );
    const rows = await ask<{ index: string }>(
      superUrl,
      "SELECT tablename || ' ' || indexname AS index FROM pg_indexes WHERE schemaname = 'roster'",
    );
    expect(named.length).toBeGreaterThan(10);
    expect(rows.map(({ index }) => index)).toEqual(expect.arrayContaining(named));
  });

  it('agree on the columns of every other index, in their order', async () => {
    const named = source.entityMetadatas.flatMap(({ indices, tableName }) =>
      indices
        .filter((index) => index.synchronize)
        .map((index) => `${tableName} ${index.name} (${index.columns.map((each) => each.databaseName).join(', ')})`),
    );
    const rows = await ask<{ index: string }>(
      superUrl,
      `SELECT tablename || ' ' || indexname || ' ' || substring(indexdef from '\\(.*\\)$') AS index
       FROM pg_indexes WHERE schemaname = 'roster'`,
    );
    expect(named.length).toBeGreaterThan(5);
    expect(rows.map(({ index }) => index)).toEqual(expect.arrayContaining(named));
  });

  it('have no table that only one of them knows', async () => {
    const rows = await ask<{ name: string }>(
      superUrl,
      `SELECT relname AS name FROM pg_class
       WHERE relnamespace = 'roster'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY name`,
    );
    const named = source.entityMetadatas.map(({ tableName }) => tableName);
    expect(rows.map(({ name }) => name)).toEqual([...named, 'migrations'].sort());
  });
});
