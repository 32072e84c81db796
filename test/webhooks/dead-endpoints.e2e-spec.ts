import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';

import type { TestApp } from '../harness/app.js';
import { freePort } from '../harness/free-port.js';
import { aKeeper, awaitDeliveries, makeHook, startHooks } from './hooks.js';
import { Receiver, drips, silent } from './receiver.js';

jest.setTimeout(600_000);

/** So many that those who are well go in front; a thousand by `DEAD_WEBHOOKS=1000`. */
const DEAD = Number(process.env['DEAD_WEBHOOKS'] ?? 250);
const FACTS = 30;
// Each fact is a row for each of them: 4,000 a second at most, so that it is their death that is measured.
const APART = Math.max(50, DEAD / 4);
/** What a machine that does something else meanwhile may add. Milliseconds. */
const NOISE = 150;

describe('a webhook that is well', () => {
  let app: TestApp;
  let [live, black, slow]: Receiver[] = [];
  beforeAll(async () => {
    app = await startHooks('webhooks_dead');
    [live, black, slow] = [await Receiver.open(), await Receiver.open(silent), await Receiver.open(drips)];
  });
  afterAll(async () => {
    await app.stop();
    for (const receiver of [live, black, slow]) await receiver!.close();
  });

  /** Milliseconds from before the change to the receipt, sorted. */
  async function latencies(): Promise<number[]> {
    const begun = new Map<string, number>();
    for (let facts = 0; facts < FACTS; facts += 1) {
      const since = performance.now();
      const { id } = await app.people.user();
      begun.set(`users/${id}`, since);
      await pause(APART);
    }
    const received = await live!.awaitCount(FACTS, ({ event }) => begun.has(event.subject!));
    return received.map(({ at, event }) => at - begun.get(event.subject!)!).sort((a, b) => a - b);
  }

  it(`is not slowed by ${DEAD} that are dead: silent, refusing, dripping`, async () => {
    const admin = await aKeeper(app);
    const kinds = [black!.url, `http://127.0.0.1:${await freePort()}/`, slow!.url];
    const { id } = await makeHook(admin, live!.url);
    await latencies();
    const quiet = await latencies();
    for (let dead = 0; dead < DEAD; dead += 1) await makeHook(admin, `${kinds[dead % 3]}?${dead}`);
    const first = await latencies();
    const later = await latencies();
    const at = (sorted: number[], part: number): number => Math.round(sorted[Math.floor(sorted.length * part)]!);
    const told = [quiet, first, later].map((each) => `p50 ${at(each, 0.5)} ms, p90 ${at(each, 0.9)} ms`);
    process.stdout.write(`${DEAD} dead webhooks: quiet ${told[0]}; at once ${told[1]}; later ${told[2]}\n`);
    for (const loud of [first, later]) expect(at(loud, 0.5)).toBeLessThanOrEqual(3 * at(quiet, 0.5) + NOISE);
    await awaitDeliveries(admin, id, (all) => all.every(({ state }) => state === 'delivered'));
    expect(black!.received.length).toBeGreaterThan(0);
  });
});
