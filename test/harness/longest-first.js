import Sequencer from '@jest/test-sequencer';

/** By what they took on two cores, in this order: a long suite that begins last leaves the other worker without work. */
const LONGEST = [
  'test/security/hostile/hostile',
  'test/contract/conventions/',
  'test/security/generated/',
  'test/faults/one-time',
  'test/faults/planted-faults',
  'test/cli/backup',
  'test/events/stream',
  'test/imports/crash',
  'test/cli/doctor',
  'test/jobs/killed',
  'test/start/database',
  'test/security/guesses',
  'test/cli/users',
  'test/start/first-start',
  'test/jobs/cut-off',
  'test/security/authorisation',
  'test/faults/idempotency',
  'test/start/stop',
  'test/audit/tamper',
  'test/audit/retirement',
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
