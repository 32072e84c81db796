import { defineProblem } from '../../contract/problem.js';

export class IdempotencyKeyInFlight extends defineProblem(
  'idempotency_key_in_flight',
  409,
  'The same request is being worked on',
  {
    cause: 'A request with this `Idempotency-Key` has not been answered yet.',
    mend: 'Wait as long as `Retry-After` says and send the same request again: it is given the answer of the first.',
  },
) {}

export class IdempotencyKeyReused extends defineProblem(
  'idempotency_key_reused',
  422,
  'This key belongs to another request',
  {
    cause: 'A request with this `Idempotency-Key` was answered already, and it had another body or another query.',
    mend: 'Use a new key for a new request, and the same one only to repeat the same request.',
  },
) {}
