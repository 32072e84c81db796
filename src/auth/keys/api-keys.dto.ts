import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { Examples } from '../../platform/http/examples.js';
import { PageResponse } from '../../platform/http/lists/list-query.js';
import { Id, ListOf, Moment, OneOf, Text, TextList, Whole } from '../../platform/http/properties.js';
import type { KeyRow } from './api-key.entity.js';
import { KEY_KINDS } from './api-key-secret.js';
import type { KeyKind } from './api-key-secret.js';
import type { MadeKey, WantedKey } from './api-keys.service.js';

const ID = '01a1fb89-a690-7530-90c7-ac334b01292e';
const MOMENT = '2026-11-21T10:00:00.000Z';

const KeyName = (): PropertyDecorator =>
  Text({
    about: 'What it is for',
    example: 'Nightly export',
    min: 1,
    max: 100,
    pattern: /^(?!\s)[^\p{Cc}\u2028\u2029]+$/u,
    says: 'must be one line that does not begin with a space',
  });

const Scopes = (minItems: number): PropertyDecorator =>
  TextList({
    about: 'What it may do, of what its user may: names of permissions, and `me` for the account itself',
    example: ['me'],
    max: 64,
    minItems,
    maxItems: 100,
    pattern: /^[a-z][a-z-]*(?::[a-z-]+)?$/,
  });

const Expiry = (optional: boolean): PropertyDecorator =>
  Moment({ about: 'When it ends; null: when it is revoked', example: null, nullable: true, optional });

@ApiSchema({ name: 'CreateTokenRequest' })
@Examples({
  'For your own account': { name: 'Backup of my profile', scopes: ['me'] },
  'With an end': { name: 'Trial', scopes: ['me'], expiresAt: '2099-01-01T00:00:00Z' },
})
export class CreateTokenRequest {
  @KeyName() name!: string;
  @Scopes(1) scopes!: string[];
  @Expiry(true) expiresAt?: string | null;

  wanted(): WantedKey {
    return { name: this.name, scopes: this.scopes, expiresAt: this.expiresAt ? new Date(this.expiresAt) : null };
  }
}

@ApiSchema({ name: 'CreateApiKeyRequest' })
@Examples({
  'To read users': { name: 'Nightly export', scopes: ['users:read'] },
  'With an end': { name: 'Migration', scopes: ['users:read', 'users:write'], expiresAt: '2099-01-01T00:00:00Z' },
})
export class CreateApiKeyRequest extends CreateTokenRequest {
  @Id({ about: 'The user for whom it acts; by default you', example: ID, optional: true }) userId?: string;
}

@ApiSchema({ name: 'RenameApiKeyRequest' })
@Examples({ 'Another name': { name: 'Hourly export' }, 'In any script': { name: 'Ночная выгрузка' } })
export class RenameApiKeyRequest {
  @KeyName() name!: string;
}

@ApiSchema({ name: 'RotateApiKeyRequest' })
@Examples({ 'At once': { overlapSeconds: 0 }, 'With a day to change over': { overlapSeconds: 86_400 } })
export class RotateApiKeyRequest {
  @Whole({ about: 'For how long the present one goes on beside the new one', example: 86_400, min: 0, max: 604_800 })
  overlapSeconds!: number;
}

@ApiSchema({ name: 'ApiKey' })
export class ApiKeyResponse {
  @Id({ about: 'The id (UUIDv7)', example: ID }) id!: string;
  @Id({ about: 'The user for whom it acts', example: ID }) userId!: string;
  @OneOf(KEY_KINDS, 'ApiKeyKind', { about: 'Made by the user, or by an administrator', example: 'personal' })
  kind!: KeyKind;
  @KeyName() name!: string;
  @Text({ about: 'How its secret begins', example: 'roster_pat_Zx0V', max: 15 }) prefix!: string;
  @Scopes(0) scopes!: string[];
  @Moment({ about: 'When it was made', example: MOMENT }) createdAt!: string;
  @Id({ about: 'Who made it', example: ID }) createdBy!: string;
  @Expiry(false) expiresAt!: string | null;
  @Moment({ about: 'When it was last used, to the minute', example: null, nullable: true }) lastUsedAt!: string | null;
  @Text({ about: 'The address that it was last used from', example: '203.0.113.7', max: 45, nullable: true })
  lastUsedIp!: string | null;
  @Id({ about: 'The key that came after it', example: null, nullable: true }) replacedBy!: string | null;
  @Moment({ about: 'Until when it works beside that one', example: null, nullable: true })
  overlapUntil!: string | null;
  @Whole({ about: 'Rises with every change; also in the ETag', example: 1, min: 1, max: 2_147_483_647 })
  version!: number;

  static from(key: KeyRow): ApiKeyResponse {
    const { id, userId, kind, name, prefix, scopes, createdBy, lastUsedIp, replacedBy, version } = key;
    return {
      id,
      userId,
      kind,
      name,
      prefix,
      scopes,
      createdAt: key.createdAt.toISOString(),
      createdBy,
      expiresAt: key.expiresAt?.toISOString() ?? null,
      lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
      lastUsedIp,
      replacedBy,
      overlapUntil: key.overlapUntil?.toISOString() ?? null,
      version,
    };
  }
}

export const KEY_FIELDS: readonly string[] = [
  'id',
  'userId',
  'kind',
  'name',
  'prefix',
  'scopes',
  'createdAt',
  'createdBy',
  'expiresAt',
  'lastUsedAt',
  'lastUsedIp',
  'replacedBy',
  'overlapUntil',
  'version',
];

@ApiSchema({ name: 'NewApiKey' })
export class NewApiKeyResponse extends ApiKeyResponse {
  @Text({
    about: 'For `Authorization: Bearer`. Shown this once: nobody can read it again',
    example: 'roster_pat_0000000000000000000000000000000000000000000_000000',
    max: 61,
  })
  secret!: string;

  static of({ key, secret }: MadeKey): NewApiKeyResponse {
    return { ...ApiKeyResponse.from(key), secret };
  }
}

@ApiSchema({ name: 'PersonalTokens' })
export class MyTokensResponse {
  @ListOf(() => ApiKeyResponse, 'Your personal tokens, the newest first') data!: ApiKeyResponse[];

  static from(keys: readonly KeyRow[]): MyTokensResponse {
    return { data: keys.map((key) => ApiKeyResponse.from(key)) };
  }
}

@ApiSchema({ name: 'ApiKeyPage' })
export class ApiKeyPageResponse {
  @ListOf(() => ApiKeyResponse, 'The keys of this page') data!: ApiKeyResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}
