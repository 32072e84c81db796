import Sequencer from '@jest/test-sequencer';

/** By what they took on two cores, in this order: a long suite that begins last leaves the other worker without work. */
const LONGEST = [
  'test/security/hostile/hostile',
  'test/security/generated/',
  'test/security/authorisation',
  'test/contract/conventions/',
  'test/faults/one-time',
  'test/start/first-start',
  'test/start/database',
  'test/cli/doctor',
  'test/security/guesses',
  'test/audit/tamper',
  'test/start/stop',
  'test/faults/sign-in-storm',
  'test/users/plans',
];

/** The long suites before all others, which come as Jest would have them: a fresh clone knows nothing of earlier runs. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}

function placeOf({ path }) {
  const place = LONGEST.findIndex((name) => path.includes(`/${name}`));
  return place < 0 ? LONGEST.length : place;
}
