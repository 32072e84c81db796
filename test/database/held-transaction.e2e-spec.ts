import { Events } from '../../src/events/index.js';
import { Clock } from '../../src/platform/clock/clock.js';
import { newId } from '../../src/platform/crypto/tokens.js';
import { Database } from '../../src/platform/database/database.js';
import { SessionNamed } from '../../src/sessions/sessions.contract.js';
import { TestApp } from '../harness/app.js';

/** A transaction that stays open until its answer is kept: the ground of Idempotency-Key. */
describe('a transaction that is held', () => {
  let app: TestApp;
  let db: Database;

  beforeAll(async () => {
    app = await TestApp.start({ settings: { DATABASE_POOL_MAX: '1' } });
    db = app.get(Database);
  });
  afterAll(() => app.stop());

  const INSERT = 'INSERT INTO roster.settings (name, value) VALUES ($1, $2)';
  const put = (name: string): Promise<number> => db.transaction(() => db.change(INSERT, [name, 'x']));
  const has = async (name: string): Promise<boolean> =>
    (await app.sql('SELECT 1 FROM roster.settings WHERE name = $1', [name])).length > 0;
  const nothing = (): Promise<void> => Promise.resolve();

  it('is committed after its end, with what was done there, and is seen before by itself alone', async () => {
    const [name, last] = [newId(), newId()];
    const told: string[] = [];
    const made = await db.hold(
      nothing,
      async () => {
        await db.transaction(async () => {
          await db.change(INSERT, [name, 'x']);
          db.afterCommit(() => void told.push('committed'));
        });
        expect(told).toEqual([]);
        expect(await has(name)).toBe(false);
        expect(await db.rows('SELECT 1 FROM roster.settings WHERE name = $1', [name])).toHaveLength(1);
        return 42;
      },
      async (value) => {
        expect(value).toBe(42);
        await db.change(INSERT, [last, 'x']);
      },
    );
    expect([made, told, await has(name), await has(last)]).toEqual([42, ['committed'], true, true]);
  });

  it('writes down what happened in the order in which it did, be it of one transaction or of several', async () => {
    // Regressed: what the first recorded was written last, after that of the later ones.
    const subject = `sessions/${newId()}`;
    const record = (version: number): void =>
      app.get(Events).record(SessionNamed, { sessionId: newId(), userId: newId() }, { subject, version });
    const inOne = (version: number): Promise<void> => db.transaction(async () => Promise.resolve(record(version)));
    await db.hold(
      nothing,
      async () => {
        await inOne(1);
        await inOne(2);
        await inOne(3);
      },
      () => record(4),
    );
    const facts = await app.sql<{ version: number }>(
      'SELECT subject_version AS version FROM roster.events WHERE subject = $1 ORDER BY xid, seq',
      [subject],
    );
    expect(facts.map(({ version }) => version)).toEqual([1, 2, 3, 4]);
  });

  it('is undone at once when its work fails, and a later one begins anew', async () => {
    const [first, second] = [newId(), newId()];
    let begun = 0;
    await db.hold(
      () => Promise.resolve(void (begun += 1)),
      async () => {
        const failing = db.transaction(async () => {
          await db.change(INSERT, [first, 'x']);
          throw new Error('no');
        });
        await expect(failing).rejects.toThrow('no');
        await put(second);
      },
      nothing,
    );
    expect([begun, await has(first), await has(second)]).toEqual([2, false, true]);
  });

  it('keeps what succeeded before its work failed, without its end', async () => {
    const [name, last] = [newId(), newId()];
    const work = async (): Promise<never> => {
      await put(name);
      throw new Error('too late');
    };
    await expect(db.hold(nothing, work, () => put(last).then(nothing))).rejects.toThrow('too late');
    expect([await has(name), await has(last)]).toEqual([true, false]);
  });

  it('is undone when a statement between breaks it, and says why', async () => {
    // Regressed: what was told was that nothing could be asked any more, and what follows a commit was done.
    const name = newId();
    const told: string[] = [];
    const held = db.hold(
      nothing,
      async () => {
        await db.transaction(async () => {
          await db.change(INSERT, [name, 'x']);
          db.afterCommit(() => void told.push('committed'));
        });
        await db.rows('SELECT 1 / 0');
      },
      nothing,
    );
    await expect(held).rejects.toMatchObject({ code: '22012' });
    expect([told, await has(name)]).toEqual([[], false]);
    expect(await put(newId())).toBe(1);
  });

  it('loses only the second transaction when that fails', async () => {
    const [first, second, third] = [newId(), newId(), newId()];
    await db.hold(
      nothing,
      async () => {
        await put(first);
        const failing = db.transaction(async () => {
          await db.change(INSERT, [second, 'x']);
          db.beforeCommit(() => void app.get(Clock));
          await db.change('SELECT no_such_function()');
        });
        await expect(failing).rejects.toThrow('no_such_function');
        await put(third);
      },
      nothing,
    );
    expect([await has(first), await has(second), await has(third)]).toEqual([true, false, true]);
  });

  it('is begun also for work that asks nothing of the database', async () => {
    let begun = 0;
    await db.hold(() => Promise.resolve(void (begun += 1)), nothing, nothing);
    expect(begun).toBe(1);
  });

  it('runs the statements of its end as one', async () => {
    const names = [newId(), newId(), newId()];
    const deed = { name: 'test_put', text: INSERT };
    await db.transaction(async () => {
      for (const name of names) db.beforeCommit(() => ({ deed, values: [name, 'x'] }));
      return Promise.resolve();
    });
    expect(await Promise.all(names.map(has))).toEqual([true, true, true]);
    expect(db.connections().total).toBe(1);
  });
});
