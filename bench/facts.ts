import type { App } from '../src/app.js';
import { Events } from '../src/events/index.js';
import { newId } from '../src/platform/crypto/tokens.js';
import { defineEvent } from '../src/platform/contract/event.js';
import { Database, statement } from '../src/platform/database/database.js';
import { TURN } from '../src/platform/database/turn.js';
import { inLanes, startApp, startEmbedded } from './embedded.js';
import { cpuOf, cpuOfFamily } from './linux.js';
import { keep } from './results.js';
import { median } from './rounds.js';
import { table } from './table.js';

const WRITES = 6000;
const AT_ONCE = 8;
const ROUNDS = 7;

const Changed = defineEvent('bench.changed', 'A row of the bench changed', { rowId: 'uuid', members: 'strings' });
const CHANGE = statement('bench_change', 'UPDATE bench_rows SET name = $2, version = version + 1 WHERE id = $1');

/** Microseconds of CPU that one write costs. */
interface Cost {
  readonly process: number;
  readonly database: number;
}

type Kind = 'bare' | 'fact' | 'fact and turn';
const KINDS: readonly Kind[] = ['bare', 'fact', 'fact and turn'];

/**
 * What the record of a fact adds to a transaction that changes a row, and what the subject's turn adds: the same write
 * without, with a fact, and with both, in rounds by turns, so that what else the machine does meets all three alike.
 * @param folder an empty folder, thrown away after
 */
export async function measureFacts(
  root: string,
  folder: string,
  things: AsyncDisposableStack,
  say: (text: string) => void,
): Promise<void> {
  const { environment, owner, pid } = await startEmbedded(folder, things);
  await owner.query('CREATE TABLE public.bench_rows (id uuid PRIMARY KEY, name text, version integer DEFAULT 1)');
  await owner.query('GRANT SELECT, UPDATE ON public.bench_rows TO PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC');
  const ids = Array.from({ length: 1000 }, newId);
  await owner.query('INSERT INTO public.bench_rows (id, name) SELECT unnest($1::uuid[]), $2', [ids, 'before']);
  // Readers of facts are another's work: this process answers requests alone.
  const app = await startApp({ ...environment, ROLE: 'api' });
  things.defer(() => app.nest.close());
  const costs: Record<Kind, Cost[]> = { bare: [], fact: [], 'fact and turn': [] };
  for (let round = 0; round <= ROUNDS; round += 1)
    for (const kind of KINDS) {
      const cost = await costOf(pid, () =>
        inLanes(WRITES, AT_ONCE, (at) => write(app, kind, ids[at % ids.length]!, at)),
      );
      // The first round is a warm-up.
      if (round > 0) costs[kind].push(cost);
      say(`round ${round}, ${kind}: ${Math.round(cost.process)} µs here, ${Math.round(cost.database)} in PostgreSQL`);
    }
  const figures = Object.fromEntries(
    KINDS.map((kind) => [
      kind,
      {
        process: median(costs[kind].map((cost) => cost.process)),
        database: median(costs[kind].map((cost) => cost.database)),
      },
    ]),
  ) as Record<Kind, Cost>;
  await keep(root, 'facts.json', JSON.stringify({ writes: WRITES, rounds: ROUNDS, ...figures }));
  console.log(describe(figures).join('\n'));
}

function write({ nest }: App, kind: Kind, id: string, at: number): Promise<void> {
  const db = nest.get(Database, { strict: false });
  return db.transaction(async () => {
    if (kind === 'fact and turn') await db.row(TURN, [`bench/${id}`]);
    await db.change(CHANGE, [id, `name ${at}`]);
    if (kind === 'bare') return;
    const circumstances = {
      subject: `bench/${id}`,
      version: at,
      before: { name: 'before' },
      after: { name: `name ${at}` },
    };
    nest.get(Events, { strict: false }).record(Changed, { rowId: id, members: ['name'] }, circumstances);
  });
}

async function costOf(databasePid: number, work: () => Promise<void>): Promise<Cost> {
  const now = (): Cost => ({ process: cpuOf(process.pid), database: cpuOfFamily(databasePid) });
  const since = now();
  await work();
  const until = now();
  const each = (one: number, other: number): number => ((other - one) / WRITES) * 1e6;
  return { process: each(since.process, until.process), database: each(since.database, until.database) };
}

function describe(figures: Readonly<Record<Kind, Cost>>): string[] {
  const whole = (value: number): string => String(Math.round(value));
  return table([
    ['a write of one row, µs of CPU', 'process', 'PostgreSQL', 'both'],
    ...KINDS.map((kind) => {
      const { process: here, database } = figures[kind];
      return [kind, whole(here), whole(database), whole(here + database)];
    }),
  ]);
}
