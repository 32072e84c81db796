import { randomUUIDv7 } from 'node:crypto';

import { createDataSource } from '../../ormconfig.js';
import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { migrate } from '../../src/platform/database/migrate.js';
import { asSuperuser, ask, freshDatabase } from '../harness/database.js';

const PARENTS = ['events', 'sessions', 'audit_entries'];

/** The name that the partition of a month has, `ahead` months from now. */
function month(parent: string, ahead: number, from = new Date()): string {
  const first = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + ahead, 1));
  return `${parent}_${first.toISOString().slice(0, 7).replace('-', '_')}`;
}

/** A UUIDv7 of this moment: 48 bits of milliseconds since 1970, then chance (RFC 9562, 5.7). */
function idAt(moment: string): string {
  const time = Date.parse(moment).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}${randomUUIDv7().slice(13)}`;
}

describe('the partitions', () => {
  let address: DatabaseAddress;
  let superUrl: string;
  let firstMonth: Date;

  const partitionsOf = async (parent: string): Promise<string[]> => {
    const rows = await ask<{ name: string }>(
      superUrl,
      `SELECT relname AS name FROM pg_inherits JOIN pg_class ON oid = inhrelid
       WHERE inhparent = ('roster.' || $1)::regclass ORDER BY name`,
      [parent],
    );
    return rows.map(({ name }) => name);
  };
  const ensure = (at: string | Date, months: number): Promise<unknown> =>
    ask(address.url, 'SELECT roster.ensure_partitions($1, $2)', [at, months]);
  /** Records a fact as the application does. @returns where the row went */
  const placeOf = async (id: string): Promise<string> => {
    const [row] = await ask<{ place: string }>(
      address.url,
      `INSERT INTO roster.events (id, type, data, occurred_at) VALUES ($1, 'test.happened', '{}', now())
       RETURNING tableoid::regclass::text AS place`,
      [id],
    );
    return row!.place.replace('roster.', '');
  };

  // Migrated now: the months of the template are those of when the run began, which may be another one's.
  beforeAll(async () => {
    for (let began = ''; began !== month('', 0);) {
      began = month('', 0);
      address = await freshDatabase('partitions', { empty: true });
      const { ownerUrl } = address;
      const owner = createDataSource({ url: ownerUrl, poolMax: 1, applicationName: 'partitions', patience: 60_000 });
      await migrate(owner, ownerUrl, 'roster_app');
    }
    superUrl = asSuperuser(address);
    firstMonth = new Date();
  });

  it.each(PARENTS)('of %s are there from the first migration, three months ahead', async (parent) => {
    const [table] = await ask(superUrl, "SELECT relkind FROM pg_class WHERE oid = ('roster.' || $1)::regclass", [
      parent,
    ]);
    expect(table).toEqual({ relkind: 'p' });
    expect(await partitionsOf(parent)).toEqual(
      expect.arrayContaining([...[0, 1, 2, 3].map((ahead) => month(parent, ahead, firstMonth)), `${parent}_default`]),
    );
  });

  it('take a row by the month in its id', async () => {
    await ensure('2031-02-15T12:00:00Z', 1);
    expect(await placeOf(idAt(firstMonth.toISOString()))).toBe(month('events', 0, firstMonth));
    expect(await placeOf(idAt('2031-02-01T00:00:00.000Z'))).toBe('events_2031_02');
    expect(await placeOf(idAt('2031-02-28T23:59:59.999Z'))).toBe('events_2031_02');
    expect(await placeOf(idAt('2031-03-01T00:00:00.000Z'))).toBe('events_2031_03');
    expect(await placeOf(idAt('2033-01-01T00:00:00.000Z'))).toBe('events_default');
  });

  it('are made by the application, over the turn of a year, and only once', async () => {
    await ensure('2040-11-30T23:30:00-05:00', 1);
    const once = await partitionsOf('sessions');
    expect(once).toEqual(expect.arrayContaining(['sessions_2040_12', 'sessions_2041_01']));
    expect(once).not.toContain('sessions_2040_11');
    await ensure('2040-12-01T00:00:00Z', 1);
    expect(await partitionsOf('sessions')).toEqual(once);
  });

  it('of later months are made though rows of an earlier one lie in the default', async () => {
    await placeOf(idAt('2050-06-10T00:00:00Z'));
    await ensure('2050-06-20T00:00:00Z', 2);
    const events = await partitionsOf('events');
    expect(events).toEqual(expect.arrayContaining(['events_2050_07', 'events_2050_08']));
    expect(events).not.toContain('events_2050_06');
  });

  it.each([-1, 25])('are not made for %i months ahead', async (months) => {
    await expect(ensure(new Date(), months)).rejects.toThrow('0 to 24');
  });
});
