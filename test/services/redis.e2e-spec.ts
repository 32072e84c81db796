import { setTimeout as pause } from 'node:timers/promises';

import { freshDatabase } from '../harness/database.js';
import { onDatabase, startProcess, statusOf } from '../harness/process.js';
import type { RunningProcess } from '../harness/process.js';
import { DebianRedis } from './debian-redis.js';

const PASSWORD = 'a-password-of-redis';
const LIMIT = 400;
const LOST = 'The shared limits are lost';
/** The seconds after which a lost Redis is asked again, and a little. Milliseconds. */
const BACK = 5000;

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

  const start = async (limit = LIMIT): Promise<RunningProcess> => {
    const settings = { RATE_LIMITS: 'on', RATE_LIMIT_READ: `${limit}/3600s`, REDIS_URL: redis.url };
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
  const hear = async (one: RunningProcess, words: string): Promise<void> => {
    for (const until = performance.now() + BACK; said(one, words) === 0; await pause(50))
      if (performance.now() > until) throw new Error(`It never said "${words}"`);
  };

  const seeShared = async (one: RunningProcess): Promise<void> => {
    for (const until = performance.now() + BACK; (await healthOf(one)).status !== 'pass'; await pause(50))
      if (performance.now() > until) throw new Error('The limits are still not shared');
  };

  /** An indicator that is not heard in time fails: on a busy machine it is asked again. */
  const seeAlone = async (one: RunningProcess): Promise<void> => {
    for (const until = performance.now() + BACK; ; await pause(50)) {
      const { status, checks } = await healthOf(one);
      if (status === 'warn' && checks['limits']![0]!.status === 'warn') return;
      if (performance.now() > until) throw new Error(`It says ${status}: ${JSON.stringify(checks['limits'])}`);
    }
  };

  it('are one over two processes, within a tenth', async () => {
    const [one, other] = [await start(), await start()];
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
    expect((await healthOf(one)).checks['limits']).toMatchObject([{ status: 'pass' }]);
    await lose();
    // More than was taken ahead, so that somebody has to ask.
    const since = performance.now();
    for (let round = 0; round < 12; round += 1) expect(await ask(500, one)).toEqual({ 404: 500 });
    expect(performance.now() - since).toBeLessThan(10_000);
    await seeAlone(one);
    expect(await statusOf(`${one.url}/health/ready`)).toBe(200);
    await giveBack();
    await seeShared(one);
    await hear(one, 'The limits are shared again');
    expect([said(one, LOST), said(one, PASSWORD)]).toEqual([1, 0]);
  });

  it('do not keep the start from a Redis that is away, nor tell its password', async () => {
    await redis.kill();
    const one = await start(5);
    expect(one.line.startMs).toBeLessThan(10_000);
    expect(await ask(8, one)).toEqual({ 404: 5, 429: 3 });
    const { data } = (await (await fetch(`${one.management}/ops/config`)).json()) as { data: object[] };
    expect(data).toContainEqual(expect.objectContaining({ name: 'REDIS_URL', value: '[set]' }));
    await redis.run();
    await seeShared(one);
    await one.stop();
    expect([said(one, LOST), said(one, PASSWORD)]).toEqual([1, 0]);
  });
});
