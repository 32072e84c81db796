import { defineEvent } from '../platform/contract/event.js';
import { defineProblem } from '../platform/contract/problem.js';

export class PasswordIncorrect extends defineProblem('password_incorrect', 403, 'The current password is not right', {
  cause: 'Changing a password needs the one that holds now.',
  mend: 'Type the current password again.',
}) {}

export class TooManySignIns extends defineProblem('too_many_sign_ins', 503, 'Too many people are signing in', {
  cause: 'As many passwords are waiting to be checked as can be in time.',
  mend: 'Wait as long as `Retry-After` says, then try again.',
}) {}

export const PasswordRemoved = defineEvent(
  'password.removed',
  'A user has no password until they choose another one: theirs was known to somebody else, or was for one use',
  { userId: 'uuid' },
);
export const PasswordChanged = defineEvent('password.changed', 'A user has a new password', { userId: 'uuid' });
