import { TRIED_FOR, outcomeOf, pauseAfter, readRetryAfter } from './outcome.js';
import type { Attempt } from './outcome.js';

const NOON = new Date('2026-11-21T12:00:00Z');
const HOUR = 3_600_000;

const failed: Attempt = {
  ...{ at: NOON, url: 'https://hooks.example/', status: 500, error: 'refused', latencyMs: 1 },
  ...{ headers: {}, body: '', retryAfter: null },
};
const fresh = { kind: 'event', attempts: 0, firstAttemptAt: null } as const;
const waits = ({ next }: { next: Date }): number => next.getTime() - NOON.getTime();

describe('what becomes of a delivery', () => {
  it('waits five seconds first, then three times as long each time, and never longer than half a day', () => {
    expect([1, 2, 3, 9, 10, 40].map((attempts) => pauseAfter(attempts, 0.5))).toEqual([
      ...[5000, 15_000, 45_000, 32_805_000, 12 * HOUR, 12 * HOUR],
    ]);
  });

  it('is spread by a quarter to each side', () => {
    expect([0, 1].map((chance) => pauseAfter(1, chance))).toEqual([3750, 6250]);
  });

  it('is over when it was taken', () => {
    expect(outcomeOf(fresh, { ...failed, status: 204, error: null }, 0.5)).toEqual({ state: 'delivered', next: NOON });
  });

  it('is tried for 72 hours, the last time at their end', () => {
    const since = (ago: number) =>
      ({ kind: 'event', attempts: 12, firstAttemptAt: new Date(NOON.getTime() - ago) }) as const;
    expect(waits(outcomeOf(since(TRIED_FOR - HOUR), failed, 0.5))).toBe(HOUR);
    expect(outcomeOf(since(TRIED_FOR), failed, 0.5).state).toBe('dead');
  });

  it('waits as long as it was asked to, but for no week, and never less than it would', () => {
    expect(waits(outcomeOf(fresh, { ...failed, retryAfter: 600_000 }, 0.5))).toBe(600_000);
    expect(waits(outcomeOf(fresh, { ...failed, retryAfter: 170 * HOUR }, 0.5))).toBe(24 * HOUR);
    expect(waits(outcomeOf(fresh, { ...failed, retryAfter: 0 }, 0.5))).toBe(5000);
  });

  it('is dead at once where the server is gone, and where somebody only tried', () => {
    expect(outcomeOf(fresh, { ...failed, status: 410 }, 0.5).state).toBe('dead');
    expect(outcomeOf({ ...fresh, kind: 'test' }, failed, 0.5).state).toBe('dead');
  });

  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Sat, 21 Nov 2026 12:01:00 GMT', 60_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
    ['soon', null],
    ['-1 second', null],
    [undefined, null],
  ])('reads Retry-After: %s', (text, milliseconds) => {
    expect(readRetryAfter(text, NOON.getTime())).toBe(milliseconds);
  });
});
