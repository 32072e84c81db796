import { Clock } from '../clock/clock.js';
import { Limit } from './limit.js';
import type { Policy, Standing, Take } from './limit.js';

class StandingClock extends Clock {
  time = 1_800_000_000_000;
  override millis(): number {
    return this.time;
  }
}

const policyOf = (points: number, seconds = 60): Policy => ({ name: 'test', by: 'address', points, seconds });

/** What the processes share: the true count, and how often it was asked. */
function shared(): { take: Take; asked: number; lost: boolean; counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const state = {
    counts,
    asked: 0,
    lost: false,
    take: async (_: Policy, subject: string, window: number, points: number) => {
      state.asked += 1;
      await Promise.resolve();
      if (state.lost) return null;
      const key = `${subject} ${window}`;
      counts.set(key, (counts.get(key) ?? 0) + points);
      return counts.get(key)!;
    },
  };
  return state;
}

/** Asks in turn until all are refused. @returns how many were let through */
async function exhaust(limits: readonly Limit[], subject: string): Promise<number> {
  let passed = 0;
  for (let refusals = 0; refusals < limits.length;) {
    refusals = 0;
    for (const limit of limits) {
      const { allowed } = await limit.count(subject);
      if (allowed) passed += 1;
      else refusals += 1;
    }
  }
  return passed;
}

describe('a limit', () => {
  let clock: StandingClock;
  beforeEach(() => {
    clock = new StandingClock();
  });

  it.each([1, 2, 5, 20, 21, 60, 99, 100, 600, 1200, 6000])('of %i lets exactly so many through', async (points) => {
    expect(await exhaust([new Limit(policyOf(points), clock, shared().take)], 'ada')).toBe(points);
  });

  it.each([
    [1, 2],
    [5, 2],
    [20, 3],
    [60, 2],
    [100, 2],
    [1200, 2],
    [1200, 4],
    [6000, 8],
  ])('of %i is the same over %i processes, within a tenth', async (points, processes) => {
    const { take } = shared();
    const limits = Array.from({ length: processes }, () => new Limit(policyOf(points), clock, take));
    const passed = await exhaust(limits, 'ada');
    expect(passed).toBeGreaterThanOrEqual(Math.floor(points * 0.9));
    expect(passed).toBeLessThanOrEqual(Math.floor(points * 1.1));
  });

  it.each([
    [20, 150],
    [1200, 5000],
  ])('of %i holds against %i at once', async (points, requests) => {
    const { take } = shared();
    const limits = [new Limit(policyOf(points), clock, take), new Limit(policyOf(points), clock, take)];
    const standings = await Promise.all(
      Array.from({ length: requests }, async (_, index) => limits[index % 2]!.count('ada')),
    );
    const passed = standings.filter(({ allowed }) => allowed).length;
    expect(passed).toBeGreaterThanOrEqual(points * 0.9);
    expect(passed).toBeLessThanOrEqual(points * 1.1);
  });

  it('asks rarely: some twenty times a window, never for those who send little, and once more for each refusal of none', async () => {
    const state = shared();
    const limit = new Limit(policyOf(1200), clock, state.take);
    for (let request = 0; request < 5; request += 1) await limit.count('grace');
    expect(state.asked).toBe(0);
    await exhaust([limit], 'ada');
    expect(state.asked).toBeGreaterThan(15);
    expect(state.asked).toBeLessThanOrEqual(22);
    const before = state.asked;
    for (let request = 0; request < 100; request += 1) await limit.count('ada');
    expect(state.asked).toBe(before);
  });

  it('is told as it stands, and begins anew when its window ends', async () => {
    const limit = new Limit(policyOf(5), clock, shared().take);
    const standings: Standing[] = [];
    for (let request = 0; request < 6; request += 1) standings.push(await limit.count('ada'));
    expect(standings.map(({ remaining }) => remaining)).toEqual([4, 3, 2, 1, 0, 0]);
    const { allowed, reset } = standings.at(-1)!;
    expect(allowed).toBe(false);
    expect(reset).toBeGreaterThan(0);
    expect(reset).toBeLessThanOrEqual(60);
    clock.time += (reset - 1) * 1000;
    expect((await limit.count('ada')).allowed).toBe(false);
    clock.time += 1000;
    expect(await limit.count('ada')).toMatchObject({ allowed: true, remaining: 4, reset: 60 });
  });

  it('counts everybody for themselves, and their windows do not all end together', async () => {
    const limit = new Limit(policyOf(1), clock, shared().take);
    const standings = await Promise.all(['ada', 'grace', 'joan', 'mary'].map(async (subject) => limit.count(subject)));
    expect(standings.every(({ allowed }) => allowed)).toBe(true);
    expect(new Set(standings.map(({ reset }) => reset)).size).toBeGreaterThan(1);
  });

  it.each([5, 60, 1200])(
    'of %i goes on alone when the shared count is lost, with what is left of it',
    async (points) => {
      const state = shared();
      const limits = [new Limit(policyOf(points), clock, state.take), new Limit(policyOf(points), clock, state.take)];
      let passed = 0;
      for (let request = 0; request < Math.ceil(points / 4); request += 1)
        if ((await limits[0]!.count('ada')).allowed) passed += 1;
      state.lost = true;
      expect((await exhaust([limits[0]!], 'ada')) + passed).toBe(points);
      expect(await exhaust([limits[1]!], 'ada')).toBe(points);
    },
  );

  it('remembers a bounded number of subjects', async () => {
    const limit = new Limit(policyOf(1200), clock, shared().take);
    for (let index = 0; index < 30_000; index += 1) await limit.count(`198.51.100.${index}`);
    expect(limit.subjects).toBeLessThanOrEqual(10_000);
  });
});
