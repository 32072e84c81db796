import { setTimeout as pause } from 'node:timers/promises';

import { Indicators } from '../../src/platform/telemetry/indicators.js';
import { TestApp } from '../harness/app.js';
import { AwakeClock } from '../harness/awake.js';
import { ask, freshDatabase, run } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { Client, listening } from '../realtime/clients.js';
import { DebianRedis } from './debian-redis.js';
import { until } from './until.js';

const NAME = 'nudges';
/** Well below the half second after which everybody looks by themselves; and what that may take on a busy machine. */
const AT_ONCE = 400;
const BY_LOOKING = 2500;
const clock = new AwakeClock();

describe('processes that wake each other by Redis, as Debian ships it', () => {
  let redis: DebianRedis;
  let app: TestApp;
  let other: TestApp;
  let url: string;
  let root: Person;

  beforeAll(async () => {
    redis = await DebianRedis.start('a-password-of-redis');
    const database = await freshDatabase(NAME);
    const settings = { REDIS_URL: redis.url };
    [app, other] = [await TestApp.start({ database, settings }), await TestApp.start({ database, settings })];
    url = await listening(other);
    root = await app.people.admin();
  }, 120_000);
  afterAll(async () => {
    await app?.stop();
    await other?.stop();
    await redis?.stop();
  });

  /** Milliseconds from the answer at one process to the event on a socket of the other, of each of some changes. */
  async function delays(times: number): Promise<number[]> {
    const ada = await app.people.person();
    const client = await Client.ready(url, { token: ada.token });
    const took: number[] = [];
    for (let time = 1; time <= times; time += 1) {
      await root.patch(`/api/v1/users/${ada.id}`, { name: `Ada ${time}` });
      const since = clock.now();
      await client.toldOf('user.updated', time);
      took.push(clock.now() - since);
      await pause(20);
    }
    client.close();
    return took.sort((a, b) => a - b);
  }

  const isWell = async (): Promise<boolean> => (await other.get(Indicators).ask(1000))['nudges']!.status === 'pass';

  it('tell of facts at once, without a listening connection to PostgreSQL', async () => {
    const took = await delays(20);
    process.stdout.write(`By Redis an event took ${Math.round(took[10]!)} ms (median of 20)\n`);
    expect(took[10]).toBeLessThan(AT_ONCE);
    const listening = await ask(
      run.superUrl,
      "SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND application_name = 'roster-listener'",
      [NAME],
    );
    expect(listening).toEqual([]);
    await until('it is well', isWell);
  });

  it('tell of what is taken away', async () => {
    const ada = await app.people.person();
    const client = await Client.ready(url, { token: ada.token });
    await ada.post('/api/v1/auth/logout');
    const since = clock.now();
    await client.ended();
    expect(clock.now() - since).toBeLessThan(BY_LOOKING);
  });

  it.each([
    ['killed', (): Promise<void> => redis.kill(), (): Promise<void> => redis.run()],
    ['frozen', async (): Promise<void> => redis.freeze(), async (): Promise<void> => redis.thaw()],
  ])(
    'look for themselves while it is %s, lose nothing, and are woken again when it is back',
    async (_, lose, giveBack) => {
      await lose();
      const without = await delays(3);
      expect(without.at(-1)).toBeLessThan(BY_LOOKING);
      const ada = await app.people.person();
      const client = await Client.ready(url, { token: ada.token });
      await ada.post('/api/v1/auth/logout');
      const since = clock.now();
      await client.ended();
      expect(clock.now() - since).toBeLessThan(BY_LOOKING);
      await giveBack();
      await until('it is woken again', isWell);
      await pause(300);
      expect((await delays(20))[10]).toBeLessThan(AT_ONCE);
    },
    180_000,
  );
});
