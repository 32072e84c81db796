import { defineEvent } from '../platform/contract/event.js';
import { SubscriptionInvalid } from './realtime.contract.js';
import { matches, nameOf, readFilter } from './subscription.js';

const USER = '0197a3c2-7d10-7cc1-b5a9-3f2d4e5a6b7c';

for (const type of ['lamp.lit', 'lamp.out', 'lampshade.bought']) defineEvent(type, 'A test', {});

describe('a filter of events', () => {
  const told = (type: string, subject: string | null = null): { type: string; subject: string | null } => ({
    type,
    subject,
  });
  const lets = (given: unknown, type: string, subject?: string | null): boolean =>
    matches(readFilter(given, ''), told(type, subject));

  it('lets everything through that nothing is said of', () => {
    for (const given of [true, {}, { types: [] }, { subject: null }]) expect(lets(given, 'lamp.lit')).toBe(true);
  });

  it('knows types, groups of them, and subjects', () => {
    expect(lets({ types: ['lamp.lit'] }, 'lamp.lit')).toBe(true);
    expect(lets({ types: ['lamp.lit'] }, 'lamp.out')).toBe(false);
    expect(lets({ types: ['lamp.*'] }, 'lamp.out')).toBe(true);
    expect(lets({ types: ['lamp.*'] }, 'lampshade.bought')).toBe(false);
    expect(lets({ subject: `users/${USER}` }, 'lamp.lit', `users/${USER}`)).toBe(true);
    expect(lets({ subject: 'users/*' }, 'lamp.lit', `users/${USER}`)).toBe(true);
    expect(lets({ subject: 'users/*' }, 'lamp.lit', `roles/${USER}`)).toBe(false);
    expect(lets({ subject: 'users/*' }, 'lamp.lit', null)).toBe(false);
    expect(lets({ types: ['lamp.out'], subject: 'users/*' }, 'lamp.lit', `users/${USER}`)).toBe(false);
  });

  it('has one name, however it was written', () => {
    const one = readFilter({ types: ['lamp.out', 'lamp.lit', 'lamp.out'] }, '');
    expect(nameOf(one)).toBe(nameOf(readFilter({ subject: null, types: ['lamp.lit', 'lamp.out'] }, '')));
    expect(nameOf(one)).not.toBe(nameOf(readFilter({ types: ['lamp.lit'] }, '')));
  });

  it.each([
    [null],
    [false],
    ['lamp.lit'],
    [['lamp.lit']],
    [{ types: ['lamp'] }],
    [{ types: ['*'] }],
    [{ types: ['nothing.*'] }],
    [{ types: [{}] }],
    [{ subject: 'users' }],
    [{ subject: 'users/**' }],
    [{ subject: '../users/*' }],
    [{ subject: 'users/a b' }],
    [JSON.parse('{"__proto__": 1, "types": []}') as object],
    [{ constructor: 1 }],
  ])('is not %j', (given) => {
    expect(() => readFilter(given, '')).toThrow(SubscriptionInvalid);
  });
});
