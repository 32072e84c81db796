import { ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { Moment, Text, Whole } from '../platform/http/properties.js';
import { versionOf } from './user.entity.js';
import { Roles, VISIBLE } from './users.properties.js';
import type { SuspensionTerms, UserRow } from './user.entity.js';

@ApiSchema({ name: 'Suspension' })
export class SuspensionResponse {
  @Moment({ about: 'Since when', example: '2026-11-21T10:00:00.000Z' }) since!: string;
  @Moment({ about: 'Until when; null: until it is lifted', example: null, nullable: true }) until!: string | null;
  @Text({ about: 'Why', example: 'Left the company', max: 500 }) reason!: string;
}

@ApiSchema({ name: 'SuspendUserRequest' })
@Examples({
  'Until it is lifted': { reason: 'Left the company' },
  'Until a day': { reason: 'On leave', until: '2099-01-01T00:00:00Z' },
})
export class SuspendUserRequest {
  @Text({ about: 'Why, for other administrators', example: 'Left the company', min: 1, max: 500, pattern: VISIBLE })
  reason!: string;
  @Moment({ about: 'When it ends by itself', example: '2027-01-01T00:00:00Z', optional: true, nullable: true }) until?:
    string | null;

  terms(): SuspensionTerms {
    return { reason: this.reason, until: this.until ? new Date(this.until) : null };
  }
}

@ApiSchema({ name: 'RolesRequest' })
@Examples({
  'An ordinary user': { roles: ['user'] },
  'An administrator': { roles: ['admin', 'user'] },
})
export class RolesRequest {
  @Roles('Every role that the user has from now on', ['user'], 50) roles!: string[];
}

@ApiSchema({ name: 'Roles' })
export class RolesResponse {
  @Roles('Every role of the user', ['admin', 'user'], 1000) roles!: string[];
  @Whole({ about: 'The version of the user', example: 3, min: 1, max: 2_147_483_647 }) version!: number;

  static from(row: UserRow, now: Date): RolesResponse {
    return { roles: row.roles, version: versionOf(row, now) };
  }
}
