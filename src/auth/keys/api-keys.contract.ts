import { defineEvent } from '../../platform/contract/event.js';
import { definePermission } from '../../platform/contract/permission.js';
import { defineProblem } from '../../platform/contract/problem.js';

export const ReadApiKeys = definePermission('api-keys:read', 'See the API keys of everybody');
export const WriteApiKeys = definePermission('api-keys:write', 'Create, rename, rotate and revoke API keys');

export class ApiKeyNotFound extends defineProblem('api_key_not_found', 404, 'There is no such key', {
  cause: 'No key has this id, or it was revoked, or its successor has taken over.',
  mend: 'Look it up in the list of keys.',
}) {}

export class ApiKeyEnded extends defineProblem('api_key_ended', 409, 'This key is no longer the one in use', {
  cause: 'The key has expired, or was rotated already: it has a successor.',
  mend: 'Rotate its successor (`replacedBy`), or make a new key.',
}) {}

export class TooManyApiKeys extends defineProblem('too_many_api_keys', 409, 'There are too many keys already', {
  cause: 'A user has at most 100 keys that work at the same time.',
  mend: 'Revoke keys that are no longer used: `lastUsedAt` tells.',
}) {}

export class ScopeUnknown extends defineProblem('scope_unknown', 422, 'There is no such scope', {
  cause: 'A scope is neither the name of a permission nor `me`.',
  mend: 'Use names of permissions such as `users:read`, and `me` for the account itself.',
  told: {
    detail: 'There is no scope "users:dance"',
    errors: [{ pointer: '/scopes', code: 'scope_unknown', detail: 'names a scope that does not exist' }],
  },
}) {}

export const ApiKeyCreated = defineEvent('api_key.created', 'A key was made', {
  keyId: 'uuid',
  userId: 'uuid',
  kind: 'string',
  scopes: 'strings',
  expiresAt: 'moment?',
});
export const ApiKeyRenamed = defineEvent('api_key.renamed', 'A key was given another name', {
  keyId: 'uuid',
  userId: 'uuid',
});
export const ApiKeyRotated = defineEvent('api_key.rotated', 'A key was replaced by a new one', {
  keyId: 'uuid',
  userId: 'uuid',
  successorId: 'uuid',
  overlapUntil: 'moment',
});
export const ApiKeyRevoked = defineEvent('api_key.revoked', 'A key was revoked', { keyId: 'uuid', userId: 'uuid' });
