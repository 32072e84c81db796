import { defineEvent } from '../platform/contract/event.js';
import { defineProblem } from '../platform/contract/problem.js';

export class RefreshTokenInvalid extends defineProblem(
  'refresh_token_invalid',
  401,
  'This refresh token is not valid',
  {
    cause: 'The refresh token is unknown, has expired or was used before, or its session has ended.',
    mend: 'Sign in again.',
  },
) {}

export class SessionNotFound extends defineProblem('session_not_found', 404, 'There is no such session', {
  cause: 'No open session of this account has this id.',
  mend: 'Look it up in the list of sessions; one that has ended is no longer in it.',
}) {}

export const SessionStarted = defineEvent('session.started', 'Somebody signed in', {
  sessionId: 'uuid',
  userId: 'uuid',
  amr: 'strings',
});
export const SessionEnded = defineEvent('session.ended', 'A session ended before its time', {
  sessionId: 'uuid',
  userId: 'uuid',
  reason: 'string',
});
export const SessionNamed = defineEvent('session.named', 'Somebody named one of their sessions', {
  sessionId: 'uuid',
  userId: 'uuid',
});
export const RefreshTokenReused = defineEvent(
  'session.refresh_token_reused',
  'A refresh token was used again after its grace: the session was ended',
  {
    sessionId: 'uuid',
    userId: 'uuid',
  },
  { outcome: 'refused' },
);
