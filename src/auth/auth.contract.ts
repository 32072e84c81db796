import { defineEvent } from '../platform/contract/event.js';
import { definePermission } from '../platform/contract/permission.js';
import { defineProblem } from '../platform/contract/problem.js';

export const AdministerCredentials = definePermission(
  'credentials:administer',
  'Send resets, take away factors, and unlock accounts',
);
export const Impersonate = definePermission('users:impersonate', 'Act for another user, for a while and on record');
export const VerifyTokens = definePermission('tokens:verify', 'Ask whose an access token or a key is');

export class SignInFailed extends defineProblem('sign_in_failed', 401, 'Name or password is not right', {
  cause: 'No active account has this name with this password. Which of the two is wrong is not told.',
  mend: 'Type both again; an account that was just registered has to be confirmed first.',
}) {}

export class AccountSuspended extends defineProblem('account_suspended', 403, 'This account is suspended', {
  cause: 'An administrator suspended the account.',
  mend: 'Ask an administrator.',
}) {}

export class FactorInvalid extends defineProblem('factor_invalid', 401, 'This factor is not right', {
  cause: 'The code is wrong, too old or was used before, or the passkey is not one of this account.',
  mend: 'Try the newest code; a recovery code works once.',
}) {}

export const SignInRefused = defineEvent(
  'sign_in.refused',
  'Somebody tried to sign in and could not',
  { userId: 'uuid?', reason: 'string' },
  { outcome: 'refused' },
);
export const FactorRefused = defineEvent(
  'second_step.refused',
  'A second factor was wrong, or a passkey',
  { userId: 'uuid?', method: 'string' },
  { outcome: 'refused' },
);
export const StepUpRefused = defineEvent(
  'step_up.refused',
  'Somebody who is signed in was asked once more who they are, and typed a wrong password',
  { userId: 'uuid' },
  { outcome: 'refused' },
);
export const ImpersonationStarted = defineEvent('impersonation.started', 'Somebody acts for a user', {
  userId: 'uuid',
  actorId: 'uuid',
  sessionId: 'uuid',
  until: 'moment',
});
