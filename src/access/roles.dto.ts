import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { PageResponse } from '../platform/http/lists/list-query.js';
import { Flag, Id, ListOf, Moment, Text, TextList, Whole } from '../platform/http/properties.js';
import { PERMISSION, PERMISSION_LENGTH } from './permissions.dto.js';
import type { RoleTerms } from './roles.service.js';
import type { RoleRow } from './roles.repository.js';

const NAME = /^[a-z][a-z0-9_-]{1,62}$/;
const LINE = /^(?!\s)[^\p{Cc}\u2028\u2029]*$/u;

interface Presence {
  readonly optional?: boolean;
}

const RoleName = (): PropertyDecorator =>
  Text({
    about: 'What it is called; it never changes',
    example: 'support',
    min: 2,
    max: 63,
    pattern: NAME,
    code: 'role_name_invalid',
    says: 'must be a small letter, then small letters, digits, "_" or "-"',
  });

const AboutRole = (presence: Presence = {}): PropertyDecorator =>
  Text({
    about: 'What it is for',
    example: 'Answers those who ask for help',
    max: 500,
    pattern: LINE,
    says: 'must be one line that does not begin with a space',
    ...presence,
  });

const Permissions = (maxItems: number, presence: Presence = {}): PropertyDecorator =>
  TextList({
    about: 'What it gives, by names of permissions',
    example: ['users:read'],
    max: PERMISSION_LENGTH,
    maxItems,
    pattern: PERMISSION,
    ...presence,
  });

const MfaRequired = (presence: Presence = {}): PropertyDecorator =>
  Flag({ about: 'Whoever has it signs in with a second factor', example: false, ...presence });

@ApiSchema({ name: 'CreateRoleRequest' })
@Examples({
  'Who may look': { name: 'support', about: 'Answers those who ask for help', permissions: ['users:read'] },
  'Who may do more, with a second factor': {
    name: 'people-team',
    about: 'Hires, and lets go',
    permissions: ['users:read', 'users:write'],
    mfaRequired: true,
  },
  'A name alone': { name: 'newcomer' },
})
export class CreateRoleRequest {
  @RoleName() name!: string;
  @AboutRole({ optional: true }) about?: string;
  @Permissions(200, { optional: true }) permissions?: string[];
  @MfaRequired({ optional: true }) mfaRequired?: boolean;

  terms(): RoleTerms {
    const { about = '', permissions = [], mfaRequired = false } = this;
    return { about, permissions, mfaRequired };
  }
}

@ApiSchema({ name: 'PatchRoleRequest' })
@Examples({
  'Other permissions': { permissions: ['users:read', 'users:write'] },
  'A second factor for all who have it': { mfaRequired: true },
  'Other words': { about: 'Answers those who ask for help, at night too' },
})
export class PatchRoleRequest {
  @AboutRole({ optional: true }) about?: string;
  @Permissions(200, { optional: true }) permissions?: string[];
  @MfaRequired({ optional: true }) mfaRequired?: boolean;
}

@ApiSchema({ name: 'Role' })
export class RoleResponse {
  @Id({ about: 'The id (UUIDv7)', example: '01a1fb89-a690-7530-90c7-ac334b01292e' }) id!: string;
  @RoleName() name!: string;
  @AboutRole() about!: string;
  @Permissions(1000) permissions!: string[];
  @MfaRequired() mfaRequired!: boolean;
  @Flag({ about: 'Comes with Roster, and cannot be deleted', example: false }) builtIn!: boolean;
  @Moment({ about: 'When it was made', example: '2026-11-21T10:00:00.000Z' }) createdAt!: string;
  @Moment({ about: 'When it last changed', example: '2026-11-21T10:00:00.000Z' }) updatedAt!: string;
  @Whole({ about: 'Rises with every change; also in the ETag', example: 1, min: 1, max: 2_147_483_647 })
  version!: number;

  static from({ createdAt, updatedAt, ...role }: RoleRow): RoleResponse {
    const { id, name, about, permissions, mfaRequired, builtIn, version } = role;
    const moments = { createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
    return { id, name, about, permissions, mfaRequired, builtIn, ...moments, version };
  }
}

export const ROLE_FIELDS: readonly string[] = [
  'id',
  'name',
  'about',
  'permissions',
  'mfaRequired',
  'builtIn',
  'createdAt',
  'updatedAt',
  'version',
];

@ApiSchema({ name: 'RolePage' })
export class RolePageResponse {
  @ListOf(() => RoleResponse, 'The roles of this page') data!: RoleResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}
