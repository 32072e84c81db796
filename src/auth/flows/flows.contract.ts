import { defineEvent } from '../../platform/contract/event.js';
import { defineProblem } from '../../platform/contract/problem.js';

export class CodeInvalid extends defineProblem('code_invalid', 422, 'This code is not right', {
  cause:
    'The code is wrong, belongs to another flow, was used, is older than ten minutes, was tried five times, or a newer one was sent.',
  mend: 'Use the newest mail, or start again.',
  told: { errors: [{ pointer: '/code', code: 'code_invalid', detail: 'is not right, or no longer' }] },
}) {}

export class LinkInvalid extends defineProblem('link_invalid', 422, 'This link is no longer good', {
  cause: 'The link was used, is too old, belongs to something else, or a newer one was sent.',
  mend: 'Use the newest mail, or start again.',
}) {}

export const CodeRefused = defineEvent(
  'code.refused',
  'A mailed code was wrong or too late',
  {
    flowId: 'uuid',
    purpose: 'string?',
  },
  { outcome: 'refused' },
);
