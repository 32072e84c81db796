import type { Database } from '../database/database.js';
import type { Logs } from '../logging/logger.js';
import type { Listener } from './listener.js';
import { Revocations } from './revocations.js';

type Row = { lookedAt: string; id: string | null; kind?: string; subject?: string };

/** A table that answers each look in turn, and remembers since when it was asked. */
class FakeDatabase {
  readonly since: unknown[] = [];
  looks: (Row[] | Error | Promise<Row[]>)[] = [];

  async rows(_text: unknown, [since]: unknown[]): Promise<Row[]> {
    this.since.push(since);
    const look = await (this.looks.shift() ?? [{ lookedAt: 'later', id: null }]);
    if (look instanceof Error) throw look;
    return look;
  }
}

describe('revocations', () => {
  let db: FakeDatabase;
  let nudge: () => void;
  let revocations: Revocations;
  let told: string[];

  beforeEach(() => {
    db = new FakeDatabase();
    told = [];
    const listener = { on: (_channel: string, handler: () => void) => (nudge = handler) };
    const logs = { of: () => ({ debug: () => undefined }) };
    revocations = new Revocations(db as unknown as Database, listener as unknown as Listener, logs as unknown as Logs);
    revocations.onRevoked((kind, subject) => told.push(`${kind} ${subject}`));
  });
  afterEach(() => revocations.onModuleDestroy());

  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  async function look(answer: Row[] | Error): Promise<void> {
    db.looks.push(answer);
    nudge();
    await settled();
  }

  it('looks since the last look that succeeded, however many failed after it', async () => {
    db.looks = [[{ lookedAt: 'first', id: null }]];
    await revocations.onApplicationBootstrap();
    await look(new Error('away'));
    await look(new Error('still away'));
    await look([{ lookedAt: 'fourth', id: '1', kind: 'session', subject: 'a' }]);
    await look([{ lookedAt: 'fifth', id: null }]);
    expect(db.since).toEqual([null, 'first', 'first', 'first', 'fourth']);
    expect(told).toEqual(['session a']);
  });

  it('tells what several looks find once', async () => {
    const row = { lookedAt: 'now', id: '1', kind: 'user', subject: 'b' };
    db.looks = [[row]];
    await revocations.onApplicationBootstrap();
    await look([row, { ...row, id: '2', subject: 'c' }]);
    expect(told).toEqual(['user b', 'user c']);
  });

  it('is not fresh before the first look, nor by one that failed', async () => {
    expect(revocations.areFresh()).toBe(false);
    db.looks = [new Error('away')];
    await revocations.onApplicationBootstrap();
    expect(revocations.areFresh()).toBe(false);
    await look([{ lookedAt: 'now', id: null }]);
    expect(revocations.areFresh()).toBe(true);
  });

  it('looks once more when it is nudged during a look, which may have begun too early', async () => {
    let answer!: (rows: Row[]) => void;
    await revocations.onApplicationBootstrap();
    db.looks = [new Promise((resolve) => (answer = resolve))];
    nudge();
    nudge();
    nudge();
    await settled();
    expect(db.since).toHaveLength(2);
    answer([{ lookedAt: 'now', id: null }]);
    await settled();
    expect(db.since).toHaveLength(3);
  });
});
