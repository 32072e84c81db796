import { defineEvent } from '../platform/contract/event.js';
import { definePermission } from '../platform/contract/permission.js';
import { defineProblem } from '../platform/contract/problem.js';

export const ReadRoles = definePermission('roles:read', 'See every role and what it gives');
export const WriteRoles = definePermission('roles:write', 'Create, change and delete roles');

export class RoleUnknown extends defineProblem('role_unknown', 422, 'There is no such role', {
  cause: 'One of the roles does not exist.',
  mend: 'Use the name of an existing role, such as `admin` or `user`.',
  told: {
    detail: 'There is no role "auditor"',
    errors: [{ pointer: '/roles', code: 'role_unknown', detail: 'names a role that does not exist' }],
  },
}) {}

export class PrivilegeCeiling extends defineProblem('privilege_ceiling', 403, 'This is above your own permissions', {
  cause:
    'You would change somebody, or a role, that may do more than you; or give what you do not hold yourself, or for longer than you hold it.',
  mend: 'Ask somebody who holds those permissions.',
}) {}

export class PermissionUnknown extends defineProblem('permission_unknown', 422, 'There is no such permission', {
  cause: 'One of the permissions is not among those that this server knows.',
  mend: 'Use names from `GET /api/v1/permissions`.',
  told: {
    detail: 'There is no permission "users:fly"',
    errors: [{ pointer: '/permissions/0', code: 'permission_unknown', detail: 'is a permission that does not exist' }],
  },
}) {}

export class RoleNotFound extends defineProblem('role_not_found', 404, 'There is no such role', {
  cause: 'No role has this id.',
  mend: 'Look it up in the list, by `filter=name eq "support"`.',
}) {}

export class RoleTaken extends defineProblem('role_taken', 409, 'There is a role of this name', {
  cause: 'Another role has this name.',
  mend: 'Use another name, or the role that has this one.',
  told: { errors: [{ pointer: '/name', code: 'role_taken', detail: 'is already in use' }] },
}) {}

export class RoleBuiltIn extends defineProblem('role_built_in', 409, 'This role is built in', {
  cause:
    'The roles `admin` and `user` cannot be deleted, and `admin` gives every permission: others could not be given back.',
  mend: 'Make a role of your own, and give that to people.',
}) {}

export class RoleInUse extends defineProblem('role_in_use', 409, 'Somebody has this role', {
  cause: 'Users have this role, perhaps deleted ones who can be restored: they would lose its permissions in silence.',
  mend: 'Take it away from them first; `GET /api/v1/users?filter=roles eq "support"` finds them.',
}) {}

export const RoleCreated = defineEvent('role.created', 'A role was made', {
  roleId: 'uuid',
  role: 'string',
  permissions: 'strings',
});
export const RoleChanged = defineEvent('role.changed', 'A role gives or asks for something else', {
  roleId: 'uuid',
  role: 'string',
  members: 'strings',
});
export const RoleDeleted = defineEvent('role.deleted', 'A role that nobody had was deleted', {
  roleId: 'uuid',
  role: 'string',
});
export const AccessDenied = defineEvent(
  'access.denied',
  'Somebody was refused, for the reason that `code` names; `times` tells of repeats within a minute after the first',
  {
    userId: 'uuid?',
    code: 'string',
    permission: 'string?',
    target: 'string?',
    method: 'string',
    route: 'string',
    times: 'integer',
  },
  { outcome: 'refused' },
);
