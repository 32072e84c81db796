import { defineEvent } from '../platform/contract/event.js';
import { definePermission } from '../platform/contract/permission.js';
import { defineProblem } from '../platform/contract/problem.js';

export const ReadUsers = definePermission('users:read', 'See every user');
export const WriteUsers = definePermission('users:write', 'Create, change, suspend, delete and restore users');
export const AssignRoles = definePermission('roles:assign', 'Say which roles a user has');
export const GrantPermissions = definePermission(
  'permissions:grant',
  'Give single permissions to users, and take them away',
);

export class UserNotFound extends defineProblem('user_not_found', 404, 'There is no such user', {
  cause: 'No user has this id, or they were deleted.',
  mend: 'Look them up in the list; deleted ones are found with `filter=status eq "deleted"`.',
}) {}

export class EmailTaken extends defineProblem('email_taken', 409, 'This e-mail address is already in use', {
  cause: 'Another user has this address; case and composition of letters do not tell addresses apart.',
  mend: 'Use another address, or the user who has this one.',
  told: { errors: [{ pointer: '/email', code: 'email_taken', detail: 'is already in use' }] },
}) {}

export class UsernameTaken extends defineProblem('username_taken', 409, 'This user name is already in use', {
  cause: 'Another user has this user name; case does not tell names apart.',
  mend: 'Use another user name.',
  told: { errors: [{ pointer: '/username', code: 'username_taken', detail: 'is already in use' }] },
}) {}

export class ExternalIdTaken extends defineProblem('external_id_taken', 409, 'This external id is already in use', {
  cause: 'Another user has this external id.',
  mend: 'Use another external id, or the user who has this one.',
  told: { errors: [{ pointer: '/externalId', code: 'external_id_taken', detail: 'is already in use' }] },
}) {}

export class UserNotDeleted extends defineProblem('user_not_deleted', 409, 'This user is not deleted', {
  cause: 'Only a deleted user can be restored.',
  mend: 'Nothing has to be done.',
}) {}

export class LastAdministrator extends defineProblem(
  'last_administrator',
  409,
  'There must be an active administrator',
  {
    cause: 'Nobody else who is active has the role `admin`: without this user nobody could administer Roster.',
    mend: 'Give the role `admin` to somebody else first.',
  },
) {}

export const UserCreated = defineEvent('user.created', 'A user was created', { userId: 'uuid', status: 'string' });
export const UserUpdated = defineEvent('user.updated', 'Members of a user changed', {
  userId: 'uuid',
  members: 'strings',
});
export const UserSuspended = defineEvent('user.suspended', 'A user was suspended', {
  userId: 'uuid',
  until: 'moment?',
});
export const UserReinstated = defineEvent('user.reinstated', 'The suspension of a user was lifted', { userId: 'uuid' });
export const UserDeleted = defineEvent('user.deleted', 'A user was deleted', { userId: 'uuid' });
export const UserDeletionScheduled = defineEvent(
  'user.deletion_scheduled',
  'A user wants their account deleted, and has some days to think it over',
  { userId: 'uuid', dueAt: 'moment' },
);
export const UserDeletionCancelled = defineEvent('user.deletion_cancelled', 'A user keeps their account after all', {
  userId: 'uuid',
});
export const UserRestored = defineEvent('user.restored', 'A deleted user was restored', { userId: 'uuid' });
export const UserActivated = defineEvent(
  'user.activated',
  'An invited user has a password: they chose it, or an import brought it',
  { userId: 'uuid' },
);
export const UserEmailVerified = defineEvent('user.email_verified', 'A user proved their address', { userId: 'uuid' });
export const UserEmailChanged = defineEvent('user.email_changed', 'A user has another address, which they proved', {
  userId: 'uuid',
});
export const UserSignedOut = defineEvent('user.signed_out', 'Somebody else ended every session of a user', {
  userId: 'uuid',
});
export const UserRolesChanged = defineEvent('user.roles_changed', 'A user has other roles', {
  userId: 'uuid',
  roles: 'strings',
});
export const UserPermissionsChanged = defineEvent(
  'user.permissions_changed',
  'A user is given other permissions directly',
  {
    userId: 'uuid',
    permissions: 'strings',
  },
);
