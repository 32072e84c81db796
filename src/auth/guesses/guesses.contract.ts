import { defineEvent } from '../../platform/contract/event.js';
import { defineProblem } from '../../platform/contract/problem.js';

export class TooManyGuesses extends defineProblem('too_many_guesses', 429, 'Too many wrong guesses', {
  cause:
    'Passwords or codes of this account were wrong too often, from where you are or from everywhere. While it lasts nothing is checked, not even what is right.',
  mend: 'Wait as many seconds as `Retry-After` says; or ask for a link by mail, or for an administrator to unlock the account.',
}) {}

export const AccountBlocked = defineEvent(
  'account.guesses_blocked',
  'Somebody guessed too often and is not heard for a while',
  { userId: 'uuid?', until: 'moment', everywhere: 'boolean' },
  { outcome: 'refused' },
);
export const AccountUnlocked = defineEvent('account.unlocked', 'Guesses at an account are heard again', {
  userId: 'uuid',
});
