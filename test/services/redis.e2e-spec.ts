import { jest } from '@jest/globals';

import { offsetOf } from '../../src/platform/rate-limit/limit.js';
import { AwakeClock } from '../harness/awake.js';
import { freshDatabase } from '../harness/database.js';
import { onDatabase, startProcess, statusOf } from '../harness/process.js';
import type { RunningProcess } from '../harness/process.js';
import { DebianRedis } from './debian-redis.js';
import { until } from './until.js';

// Thousands of requests to processes of their own, on a machine that may be busy.
jest.setTimeout(300_000);

const PASSWORD = 'a-password-of-redis';
const LIMIT = 400;
const LOST = 'The shared limits are lost';
const MINUTE = 60_000;
/** Of 500 requests each: with Redis, to know this machine, and without it, more than was taken ahead. */
const ROUNDS = { shared: 3, alone: 12 };
const clock = new AwakeClock();

interface Health {
  readonly status: string;
  readonly checks: Record<string, readonly { status: string; output?: string }[]>;
}

describe('limits on Redis, as Debian ships it', () => {
  let redis: DebianRedis;
  let address: Awaited<ReturnType<typeof freshDatabase>>;
  let processes: RunningProcess[] = [];

  beforeAll(async () => {
    redis = await DebianRedis.start(PASSWORD);
    address = await freshDatabase('redis');
  });
  afterEach(async () => {
    await Promise.all(processes.map((each) => each.stop()));
    processes = [];
  });
  afterAll(() => redis.stop());

  /** Seconds of a window, about an hour, that does not end for those who ask from here while a test goes on. */
  const lasting = (): number => {
    for (let seconds = 3600; ; seconds -= 1) {
      const gone = (Date.now() + offsetOf('127.0.0.1')) % (seconds * 1000);
      if (seconds * 1000 - gone > 10 * MINUTE) return seconds;
    }
  };

  const start = async (limit = LIMIT, seconds = lasting()): Promise<RunningProcess> => {
    const settings = { RATE_LIMITS: 'on', RATE_LIMIT_READ: `${limit}/${seconds}s`, REDIS_URL: redis.url };
    const started = await startProcess({ ...onDatabase(address), ...settings });
    processes.push(started);
    return started;
  };

  const ask = async (times: number, ...of: RunningProcess[]): Promise<Record<string, number>> => {
    const all = await Promise.all(
      Array.from({ length: times }, (_, index) => statusOf(`${of[index % of.length]!.url}/nowhere`)),
    );
    return all.reduce<Record<string, number>>((sums, status) => ({ ...sums, [status]: (sums[status] ?? 0) + 1 }), {});
  };

  const healthOf = async ({ management }: RunningProcess): Promise<Health> =>
    (await (await fetch(`${management}/health`)).json()) as Health;

  const said = ({ output }: RunningProcess, words: string): number => output().split(words).length - 1;

  /** Waits for a line of the log, which takes its time through the pipe. */
  const hear = (one: RunningProcess, words: string): Promise<void> =>
    until(`it says "${words}"`, () => Promise.resolve(said(one, words) > 0));

  const seeShared = (one: RunningProcess): Promise<void> =>
    until('the limits are shared', async () => (await healthOf(one)).status === 'pass');

  /** An indicator that is not heard in time fails: on a busy machine it is asked again. */
  const seeAlone = (one: RunningProcess): Promise<void> =>
    until('the limits are lost', async () => {
      const { status, checks } = await healthOf(one);
      return status === 'warn' && checks['limits']![0]!.status === 'warn';
    });

  /** @returns how long it took */
  const askMuch = async (one: RunningProcess, rounds: number): Promise<number> => {
    const since = clock.now();
    for (let round = 0; round < rounds; round += 1) expect(await ask(500, one)).toEqual({ 404: 500 });
    return clock.now() - since;
  };

  it('are one over two processes, within a tenth', async () => {
    const seconds = lasting();
    const [one, other] = [await start(LIMIT, seconds), await start(LIMIT, seconds)];
    let passed = 0;
    for (let refused = 0; refused < 100;) {
      const answers = await ask(100, one, other);
      refused = answers[429] ?? 0;
      passed += answers[404] ?? 0;
    }
    expect(passed).toBeGreaterThanOrEqual(LIMIT * 0.9);
    expect(passed).toBeLessThanOrEqual(LIMIT * 1.1);
    expect(said(one, LOST) + said(other, LOST)).toBe(0);
  });

  it.each([
    ['killed', (): Promise<void> => redis.kill(), (): Promise<void> => redis.run()],
    ['frozen', async (): Promise<void> => redis.freeze(), async (): Promise<void> => redis.thaw()],
  ])('go on in memory when it is %s, say so, and are shared again when it is back', async (_, lose, giveBack) => {
    const limit = 100_000;
    const one = await start(limit);
    expect(await ask(300, one)).toEqual({ 404: 300 });
    await seeShared(one);
    const shared = await askMuch(one, ROUNDS.shared);
    await lose();
    // What this machine takes for so many requests is no matter of Redis.
    const asLong = (2 * shared * ROUNDS.alone) / ROUNDS.shared;
    expect(await askMuch(one, ROUNDS.alone)).toBeLessThan(10_000 + asLong);
    await seeAlone(one);
    await until('it is ready', async () => (await statusOf(`${one.url}/health/ready`)) === 200);
    await giveBack();
    await seeShared(one);
    await hear(one, 'The limits are shared again');
    expect([said(one, LOST), said(one, PASSWORD)]).toEqual([1, 0]);
  });

  it('do not keep the start from a Redis that is away, nor tell its password', async () => {
    const { line } = await start(5);
    await redis.kill();
    const one = await start(5);
    expect(one.line.startMs).toBeLessThan(10_000 + line.startMs);
    expect(await ask(8, one)).toEqual({ 404: 5, 429: 3 });
    const { data } = (await (await fetch(`${one.management}/ops/config`)).json()) as { data: object[] };
    expect(data).toContainEqual(expect.objectContaining({ name: 'REDIS_URL', value: '[set]' }));
    await redis.run();
    await seeShared(one);
    await one.stop();
    expect([said(one, LOST), said(one, PASSWORD)]).toEqual([1, 0]);
  });
});
