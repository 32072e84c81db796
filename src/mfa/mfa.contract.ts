import { defineEvent } from '../platform/contract/event.js';
import { defineProblem } from '../platform/contract/problem.js';

export class FactorNotFound extends defineProblem('factor_not_found', 404, 'You have no such factor', {
  cause: 'None of your factors of this kind has this id.',
  mend: 'Look it up at `GET /api/v1/me/mfa/factors`, or at `GET /api/v1/me/passkeys`.',
}) {}

export class FactorAlreadyConfirmed extends defineProblem(
  'factor_already_confirmed',
  409,
  'This factor is confirmed already',
  { cause: 'A factor is confirmed once.', mend: 'Nothing has to be done.' },
) {}

export class FactorCodeInvalid extends defineProblem('factor_code_invalid', 422, 'This code is not right', {
  cause: 'The code is not the one that the app shows now, or was used already.',
  mend: 'Wait for the next code. If none is taken, see whether the clock of the device is right.',
  told: { errors: [{ pointer: '/code', code: 'factor_code_invalid', detail: 'is not right, or no longer' }] },
}) {}

export class TooManyFactors extends defineProblem('too_many_factors', 409, 'You have as many factors as there may be', {
  cause: 'One account has at most 10 factors, those that wait for their confirmation included.',
  mend: 'Delete one that you do not use.',
}) {}

export class PasskeyInvalid extends defineProblem('passkey_invalid', 422, 'This passkey cannot be taken', {
  cause:
    'The answer of the authenticator does not fit the challenge, or the challenge was used, is older than five minutes or was made for somebody else.',
  mend: 'Ask for new options, and send what `navigator.credentials.create()` makes of them.',
  told: { errors: [{ pointer: '/response', code: 'passkey_invalid', detail: 'does not answer this challenge' }] },
}) {}

export class PasskeyTaken extends defineProblem('passkey_taken', 409, 'This passkey is registered already', {
  cause: 'A passkey is registered once, with one account.',
  mend: 'Make another one.',
}) {}

export class SecondFactorMissing extends defineProblem('second_factor_missing', 409, 'You have no second factor', {
  cause: 'Recovery codes stand in for a second factor, and there is none that is confirmed.',
  mend: 'Add an authenticator app or a passkey: the codes are made with the first one.',
}) {}

export class DeviceNotFound extends defineProblem('device_not_found', 404, 'You have no such device', {
  cause: 'None of your trusted devices has this id.',
  mend: 'Look it up at `GET /api/v1/me/devices`.',
}) {}

export class TooManyCodes extends defineProblem('too_many_codes', 429, 'Too many wrong codes', {
  cause: 'Five codes in a row were wrong. The waiting time doubles with each further one, up to an hour.',
  mend: 'Wait as long as `Retry-After` says, or use a passkey or a recovery code.',
}) {}

const factor = { userId: 'uuid', factorId: 'uuid', kind: 'string' } as const;

export const FactorAdded = defineEvent('factor.added', 'A user began to add a second factor', factor);
export const FactorConfirmed = defineEvent('factor.confirmed', 'A second factor is good from now on', factor);
export const FactorRefused = defineEvent('factor.refused', 'What should have confirmed a factor was not right', {
  userId: 'uuid',
  factorId: 'uuid?',
  kind: 'string',
});
export const FactorRenamed = defineEvent('factor.renamed', 'A second factor has another name', factor);
export const FactorRemoved = defineEvent('factor.removed', 'A user removed a second factor', factor);
export const FactorsReset = defineEvent(
  'factors.reset',
  'An administrator removed all that a user had beside a password',
  {
    userId: 'uuid',
    factors: 'integer',
  },
);
export const CodesBlocked = defineEvent(
  'factor.codes_blocked',
  'So many codes were wrong that none is taken for a while',
  {
    userId: 'uuid',
    until: 'moment',
  },
);
export const RecoveryCodesMade = defineEvent(
  'recovery_codes.made',
  'A user has new recovery codes; older ones are void',
  {
    userId: 'uuid',
    count: 'integer',
  },
);
export const RecoveryCodeUsed = defineEvent('recovery_code.used', 'A recovery code stood in for a second factor', {
  userId: 'uuid',
  remaining: 'integer',
});
export const TrustedDeviceAdded = defineEvent('trusted_device.added', 'A device is trusted for a while', {
  userId: 'uuid',
  deviceId: 'uuid',
  expiresAt: 'moment',
});
export const TrustedDeviceRemoved = defineEvent('trusted_device.removed', 'A device is no longer trusted', {
  userId: 'uuid',
  deviceId: 'uuid',
});
