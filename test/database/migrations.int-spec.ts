import { jest } from '@jest/globals';

import { createDataSource, migrationNames } from '../../ormconfig.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { migrate } from '../../src/platform/database/migrate.js';
import { asSuperuser, ask, freshDatabase } from '../harness/database.js';

// Each runs all of them, some twice, on a machine that may be busy.
jest.setTimeout(180_000);

const APPLICATION = 'roster_app';

const ownerOf = ({ ownerUrl }: DatabaseAddress): ReturnType<typeof createDataSource> =>
  createDataSource({ url: ownerUrl, poolMax: 1, applicationName: 'migrations', patience: 60_000 });

const up = (address: DatabaseAddress): ReturnType<typeof migrate> =>
  migrate(ownerOf(address), address.ownerUrl, APPLICATION);

/** Undoes every migration, newest first. */
async function down(address: DatabaseAddress): Promise<void> {
  const owner = await ownerOf(address).initialize();
  try {
    for (const _ of migrationNames) await owner.undoLastMigration();
  } finally {
    await owner.destroy();
  }
}

/** Everything in our schema: tables, sequences, indexes, functions and types, by kind and name. */
async function holdings(address: DatabaseAddress): Promise<string[]> {
  const rows = await ask<{ name: string }>(
    asSuperuser(address),
    `SELECT relkind::text || ' ' || relname AS name FROM pg_class WHERE relnamespace = 'roster'::regnamespace
     UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'roster'::regnamespace
     UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'roster'::regnamespace AND typrelid = 0 AND typelem = 0
     ORDER BY name`,
  );
  return rows.map(({ name }) => name);
}

describe('the migrations', () => {
  it('go up, down to nothing, and up again', async () => {
    const address = await freshDatabase('migrations_up_down', { empty: true });
    expect((await up(address)).ran).toEqual(migrationNames);
    const first = await holdings(address);
    await down(address);
    expect(await holdings(address)).toEqual(['S migrations_id_seq', expect.stringMatching(/^i /), 'r migrations']);
    expect((await up(address)).ran).toEqual(migrationNames);
    expect(await holdings(address)).toEqual(first);
    expect(await ask(address.url, 'SELECT count(*)::int AS users FROM roster.users')).toEqual([{ users: 0 }]);
    expect(await ask(address.url, "SELECT (graphile_worker.add_job('again')).id > 0 AS added")).toEqual([
      { added: true },
    ]);
  });

  it('end no session that is in use: one of before counts as seen just now', async () => {
    // Regressed: each counted as last seen when its user signed in, so that those of two weeks ago were over at once.
    const address = await freshDatabase('migrations_sessions', { empty: true });
    await up(address);
    const owner = await ownerOf(address).initialize();
    const since = migrationNames.length - migrationNames.indexOf('SessionsShown1795600000000');
    for (let undone = 0; undone < since; undone += 1) await owner.undoLastMigration();
    await owner.destroy();
    const sql = (text: string): Promise<{ seen: boolean }[]> => ask(asSuperuser(address), text);
    await sql(`WITH ada AS (
        INSERT INTO roster.users (id, email, email_key, name, name_key, locale, metadata, app_metadata, created_at, updated_at, version)
        VALUES (gen_random_uuid(), 'a@example.com', 'a@example.com', 'Ada', 'ada', 'en', '{}', '{}', now(), now(), 1) RETURNING id
      )
      INSERT INTO roster.sessions (id, user_id, amr, authenticated_at, expires_at)
      SELECT gen_random_uuid(), id, '{pwd}', now() - interval '20 days', now() + interval '10 days' FROM ada`);
    await up(address);
    const seen = "SELECT last_seen_at > now() - interval '1 hour' AS seen FROM roster.sessions";
    expect(await sql(seen)).toEqual([{ seen: true }]);
  });

  it('leave the extension, which others may use', async () => {
    const address = await freshDatabase('migrations_extension', { empty: true });
    await up(address);
    await down(address);
    expect(await ask(address.url, "SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'")).toHaveLength(1);
  });

  it('run once when two processes start at once on an empty database', async () => {
    const address = await freshDatabase('migrations_twice', { empty: true });
    const both = await Promise.all([up(address), up(address)]);
    expect(both.map(({ ran }) => ran.length).sort()).toEqual([0, migrationNames.length]);
    expect(await ask(address.ownerUrl, 'SELECT name FROM roster.migrations ORDER BY id')).toEqual(
      migrationNames.map((name) => ({ name })),
    );
  });

  it('run none on a database that is new enough', async () => {
    const address = await freshDatabase('migrations_again');
    expect((await up(address)).ran).toEqual([]);
  });
});
