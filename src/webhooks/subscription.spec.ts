import { EVENT_PATTERN, checkFilter, matcherOf } from './subscription.js';

const told = (type: string, subject: string | null = 'users/1'): { type: string; subject: string | null } => ({
  type,
  subject,
});

describe('what a webhook listens to', () => {
  it.each([
    [['user.created'], ['user.created']],
    [['user.*'], ['user.created', 'user.email.changed']],
    [
      ['api_key.created', 'user.email.*'],
      ['user.email.changed', 'api_key.created'],
    ],
    [['*'], ['user.created', 'user.email.changed', 'api_key.created', 'users.imported']],
  ])('by kinds: %j', (patterns, matching) => {
    const types = ['user.created', 'user.email.changed', 'api_key.created', 'users.imported'];
    expect(types.filter((type) => matcherOf(patterns, null)(told(type)))).toEqual(matching);
  });

  it.each<[string, [type: string, subject: string | null][]]>([
    ['type eq "user.created"', [['user.created', 'users/1']]],
    ['subject sw "users/"', [['user.created', 'users/1']]],
    ['not (subject eq "users/1")', [['session.started', null]]],
    ['subject ne "users/1"', [['session.started', null]]],
    ['subject pr', [['user.created', 'users/1']]],
    ['Type co "ser." or subject ew "/1"', [['user.created', 'users/1']]],
    ['type sw "u" and subject eq "users/2"', []],
  ])('by a filter: %s', (filter, matching) => {
    checkFilter(filter);
    const facts: [string, string | null][] = [
      ['user.created', 'users/1'],
      ['session.started', null],
    ];
    expect(facts.filter(([type, subject]) => matcherOf(['*'], filter)(told(type, subject)))).toEqual(matching);
  });

  it.each(['', '*.created', 'user', 'User.created', 'user.*.x', 'user..created', 'user.', '**', 'user.created '])(
    'is no pattern: "%s"',
    (pattern) => {
      expect(EVENT_PATTERN.test(pattern)).toBe(false);
    },
  );
});
