import { ApiSchema, OmitType } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { Locale } from '../platform/http/intl.properties.js';
import { UserResponse } from './users.dto.js';
import { FullName, Metadata, Phone, Timezone, Username } from './users.properties.js';
import type { UserRow } from './user.entity.js';

@ApiSchema({ name: 'PatchMeRequest' })
@Examples({
  'Another name': { name: 'Ada King' },
  'Language and time zone': { locale: 'fr-FR', timezone: 'Europe/Paris' },
  Preferences: { metadata: { theme: 'dark', newsletter: false } },
  'Clear the telephone number': { phone: null },
})
export class PatchMeRequest {
  @FullName({ optional: true }) name?: string;
  @Username({ optional: true }) username?: string | null;
  @Phone({ optional: true }) phone?: string | null;
  @Locale({ optional: true }) locale?: string;
  @Timezone({ optional: true }) timezone?: string | null;
  @Metadata({ optional: true }) metadata?: object;
}

/** What people see of themselves: not what administrators keep about them. */
@ApiSchema({ name: 'Me' })
export class MeResponse extends OmitType(UserResponse, ['appMetadata'] as const) {
  static from(row: UserRow, now: Date): MeResponse {
    const { appMetadata: _, ...own } = UserResponse.from(row, now);
    return own;
  }
}
