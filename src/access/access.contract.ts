import { defineEvent } from '../platform/contract/event.js';
import { defineProblem } from '../platform/contract/problem.js';

export class RoleUnknown extends defineProblem('role_unknown', 422, 'There is no such role', {
  cause: 'One of the roles does not exist.',
  mend: 'Use the name of an existing role, such as `admin` or `user`.',
  told: {
    detail: 'There is no role "auditor"',
    errors: [{ pointer: '/roles', code: 'role_unknown', detail: 'names a role that does not exist' }],
  },
}) {}

export class PrivilegeCeiling extends defineProblem('privilege_ceiling', 403, 'This is above your own permissions', {
  cause: 'You would change somebody who may do more than you, or grant what you do not hold yourself.',
  mend: 'Ask somebody who holds those permissions.',
}) {}

export const AccessDenied = defineEvent(
  'access.denied',
  'Somebody asked for what their permissions do not allow; `times` tells of repeats within a minute after the first',
  { userId: 'uuid', permission: 'string', method: 'string', route: 'string', times: 'integer' },
  { outcome: 'refused' },
);
