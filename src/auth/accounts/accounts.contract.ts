import { defineEvent } from '../../platform/contract/event.js';
import { defineProblem } from '../../platform/contract/problem.js';

export class RegistrationClosed extends defineProblem('registration_closed', 403, 'Nobody can register here', {
  cause: 'Accounts are made by invitation, or by administrators only (`REGISTRATION`).',
  mend: 'Ask an administrator for an invitation.',
}) {}

export const RegistrationStarted = defineEvent('registration.started', 'Somebody asked for an account', {
  flowId: 'uuid',
});
export const RegistrationConfirmed = defineEvent('registration.confirmed', 'An account was confirmed by its address', {
  flowId: 'uuid',
  userId: 'uuid',
});
export const RegistrationRefused = defineEvent(
  'registration.refused',
  'Somebody followed the link of a registration and did not know its password',
  { flowId: 'uuid' },
  { outcome: 'refused' },
);
export const EmailChangeRefused = defineEvent(
  'email_change.refused',
  'Somebody followed the link that gives their address to an account, and did not know its password',
  { userId: 'uuid', flowId: 'uuid' },
  { outcome: 'refused' },
);
export const EmailVerificationStarted = defineEvent(
  'email_verification.started',
  'A mail to confirm an address was asked for',
  { userId: 'uuid?', flowId: 'uuid' },
);
export const EmailChangeStarted = defineEvent('email_change.started', 'A user wants another address', {
  userId: 'uuid',
  flowId: 'uuid',
});
export const EmailChangeCancelled = defineEvent('email_change.cancelled', 'A user keeps their address after all', {
  userId: 'uuid',
});
export const EmailChangeReverted = defineEvent(
  'email_change.reverted',
  'The owner of the address before undid a change: all sessions have ended',
  { userId: 'uuid' },
);
export const PasswordResetStarted = defineEvent('password_reset.started', 'A new password was asked for', {
  userId: 'uuid?',
  flowId: 'uuid',
});
export const PasswordReset = defineEvent('password.reset', 'A password was chosen anew with a mailed proof', {
  userId: 'uuid',
});
export const MagicLinkStarted = defineEvent('magic_link.started', 'A link to sign in was asked for', {
  userId: 'uuid?',
  flowId: 'uuid',
});
export const PasswordChangeRefused = defineEvent(
  'password.change_refused',
  'Somebody who was signed in did not know the current password',
  { userId: 'uuid' },
  { outcome: 'refused' },
);
