import { defineEvent } from '../platform/contract/event.js';
import { defineProblem } from '../platform/contract/problem.js';

export class SignInFailed extends defineProblem('sign_in_failed', 401, 'Name or password is not right', {
  cause: 'No active account has this name with this password. Which of the two is wrong is not told.',
  mend: 'Type both again; an account that was just registered has to be confirmed first.',
}) {}

export class AccountSuspended extends defineProblem('account_suspended', 403, 'This account is suspended', {
  cause: 'An administrator suspended the account.',
  mend: 'Ask an administrator.',
}) {}

export class CodeInvalid extends defineProblem('code_invalid', 422, 'This code is not right', {
  cause: 'The code is wrong, belongs to another flow, was used, is older than ten minutes or was tried five times.',
  mend: 'Use the newest mail, or start again.',
  told: { errors: [{ pointer: '/code', code: 'code_invalid', detail: 'is not right, or no longer' }] },
}) {}

export const SignInRefused = defineEvent(
  'sign_in.refused',
  'Somebody tried to sign in and could not',
  { userId: 'uuid?', reason: 'string' },
  { outcome: 'refused' },
);
export const CodeRefused = defineEvent(
  'registration.code_refused',
  'A code of a registration was wrong or too late',
  { flowId: 'uuid' },
  { outcome: 'refused' },
);
export const RegistrationStarted = defineEvent('registration.started', 'Somebody asked for an account', {
  flowId: 'uuid',
});
export const RegistrationConfirmed = defineEvent('registration.confirmed', 'An account was confirmed by its address', {
  flowId: 'uuid',
  userId: 'uuid',
});
export const PasswordChangeRefused = defineEvent(
  'password.change_refused',
  'Somebody who was signed in did not know the current password',
  { userId: 'uuid' },
  { outcome: 'refused' },
);
