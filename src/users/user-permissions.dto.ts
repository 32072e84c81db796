import { ApiSchema } from '@nestjs/swagger';

import type { Access } from '../access/index.js';
import { Examples } from '../platform/http/examples.js';
import { Flag, Id, Items, ListOf, Moment, OneOf, Text, Whole } from '../platform/http/properties.js';
import { USER_STATUSES } from './user.entity.js';
import type { UserStatus } from './user.entity.js';
import type { EffectivePermissions, Explanation, WantedGrant } from './user-permissions.service.js';
import { Roles, VISIBLE } from './users.properties.js';

type Reason = Awaited<ReturnType<Access['heldBy']>>[number]['reasons'][number];

const PERMISSION = /^[a-z][a-z0-9_:-]*$/;
const MOST = 200;
const IN_FORCE = 'In force until then; null: for good';
const SOMEBODY = '01a1fb89-a690-7530-90c7-ac334b01292e';
const FROM_A_ROLE = { permission: 'users:read', reasons: [{ kind: 'role', role: 'support' }] };
const FROM_A_GRANT = {
  permission: 'users:write',
  reasons: [
    {
      kind: 'grant',
      expiresAt: '2026-12-01T00:00:00.000Z',
      grantedAt: '2026-11-21T10:00:00.000Z',
      grantedBy: SOMEBODY,
      reason: 'Covers for Alan',
    },
  ],
};

const PermissionName = (): PropertyDecorator =>
  Text({ about: 'The name of a permission', example: 'users:read', min: 1, max: 100, pattern: PERMISSION });

@ApiSchema({ name: 'GrantRequest' })
export class GrantRequest {
  @PermissionName() permission!: string;
  @Moment({ about: IN_FORCE, example: null, optional: true, nullable: true }) expiresAt?: string | null;
  @Text({
    about: 'Why, for other administrators',
    example: 'Covers for Alan',
    min: 1,
    max: 500,
    pattern: VISIBLE,
    optional: true,
    nullable: true,
  })
  reason?: string | null;
}

@ApiSchema({ name: 'GrantsRequest' })
@Examples({
  'For a time': {
    grants: [{ permission: 'users:read', expiresAt: '2099-12-01T00:00:00Z', reason: 'Covers for Alan' }],
  },
  'For good': { grants: [{ permission: 'users:read' }, { permission: 'users:write' }] },
  None: { grants: [] },
})
export class GrantsRequest {
  @Items(() => GrantRequest, {
    about: 'Every permission that the user is given directly from now on',
    example: [{ permission: 'users:read', expiresAt: null, reason: 'Covers for Alan' }],
    maxItems: MOST,
  })
  grants!: GrantRequest[];

  wanted(): WantedGrant[] {
    return this.grants.map(({ permission, expiresAt, reason }) => ({
      permission,
      expiresAt: expiresAt ? new Date(expiresAt) : null,
      reason: reason ?? null,
    }));
  }
}

@ApiSchema({ name: 'PermissionReason' })
export class PermissionReasonResponse {
  @OneOf(['role', 'grant'], 'PermissionReasonKind', { about: 'By a role, or by a direct grant', example: 'role' })
  kind!: 'role' | 'grant';
  @Text({ about: 'The role', example: 'support', max: 64, optional: true }) role?: string;
  @Moment({ about: IN_FORCE, example: null, optional: true, nullable: true }) expiresAt?: string | null;
  @Moment({ about: 'Since when', example: '2026-11-21T10:00:00.000Z', optional: true }) grantedAt?: string;
  @Id({ about: 'Who granted it', example: SOMEBODY, optional: true, nullable: true }) grantedBy?: string | null;
  @Text({ about: 'Why it was granted', example: 'Covers for Alan', max: 500, optional: true, nullable: true })
  reason?: string | null;

  static from(reason: Reason): PermissionReasonResponse {
    if (reason.kind === 'role') return { kind: 'role', role: reason.role };
    return {
      kind: 'grant',
      expiresAt: reason.expiresAt?.toISOString() ?? null,
      grantedAt: reason.grantedAt.toISOString(),
      grantedBy: reason.grantedBy,
      reason: reason.reason,
    };
  }
}

@ApiSchema({ name: 'EffectivePermission' })
export class EffectivePermissionResponse {
  @PermissionName() permission!: string;
  @ListOf(() => PermissionReasonResponse, 'Every reason why; one is enough') reasons!: PermissionReasonResponse[];
}

@ApiSchema({ name: 'UserPermissions' })
@Examples({ 'By a role, and for a time': { permissions: [FROM_A_ROLE, FROM_A_GRANT], userVersion: 3 } })
export class UserPermissionsResponse {
  @ListOf(() => EffectivePermissionResponse, 'What the user may at this moment, in order of the names')
  permissions!: EffectivePermissionResponse[];
  // Not `version`: roles and the clock change what is shown here without it, so it is no entity tag.
  @Whole({ about: 'The version of the user, for If-Match', example: 3, min: 1, max: 2_147_483_647 })
  userVersion!: number;

  static from({ held, userVersion }: EffectivePermissions): UserPermissionsResponse {
    const permissions = held.map(({ permission, reasons }) => ({
      permission,
      reasons: reasons.map((reason) => PermissionReasonResponse.from(reason)),
    }));
    return { permissions, userVersion };
  }
}

@ApiSchema({ name: 'AccessQuestion' })
@Examples({
  'About yourself': { permission: 'users:read' },
  'About somebody else': { permission: 'users:read', userId: SOMEBODY },
})
export class AccessQuestion {
  @PermissionName() permission!: string;
  @Id({ about: 'Of whom; yourself if left out. Others want `users:read`', example: SOMEBODY, optional: true })
  userId?: string;
}

@ApiSchema({ name: 'AccessAnswer' })
export class AccessAnswer {
  @Flag({ about: 'They may', example: true }) allowed!: boolean;
}

@ApiSchema({ name: 'AccessExplanation' })
@Examples({
  'By a role': {
    ...{ userId: SOMEBODY, permission: 'users:read', allowed: true, status: 'active' },
    ...{ reasons: FROM_A_ROLE.reasons, roles: ['admin', 'support'] },
  },
  'By nothing': {
    ...{ userId: SOMEBODY, permission: 'users:write', allowed: false, status: 'active' },
    ...{ reasons: [], roles: ['admin'] },
  },
})
export class AccessExplanationResponse {
  @Id({ about: 'Of whom', example: SOMEBODY }) userId!: string;
  @PermissionName() permission!: string;
  @Flag({ about: 'They may', example: true }) allowed!: boolean;
  @OneOf(USER_STATUSES, 'UserStatus', {
    about: 'Where the account stands: whoever is not active may do nothing, whatever they hold',
    example: 'active',
  })
  status!: UserStatus;
  @ListOf(() => PermissionReasonResponse, 'Every reason why they hold it; none if they do not')
  reasons!: PermissionReasonResponse[];
  @Roles('The roles that give it; without `roles:read`, only those that they have', ['admin'], 1000) roles!: string[];

  static from({ reasons, ...told }: Explanation): AccessExplanationResponse {
    return { ...told, reasons: reasons.map((reason) => PermissionReasonResponse.from(reason)) };
  }
}
