import { Controller, Get } from '@nestjs/common';
import { ApiProperty, ApiSchema, ApiTags } from '@nestjs/swagger';

import { JsonOnly, Operation } from '../platform/http/operation.js';
import { Public } from '../platform/http/policy.js';
import { Keys } from './keys.service.js';
import type { PublicJwk } from './keys.service.js';

/** A public key (RFC 7517, RFC 7518). */
@ApiSchema({ name: 'JsonWebKey' })
class JwkResponse {
  @ApiProperty({ type: String, description: 'Key type', example: 'EC', maxLength: 10 })
  kty!: string;

  @ApiProperty({ type: String, description: 'Curve', example: 'P-256', maxLength: 10 })
  crv!: string;

  @ApiProperty({
    type: String,
    description: 'X coordinate, base64url',
    example: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    maxLength: 100,
  })
  x!: string;

  @ApiProperty({
    type: String,
    description: 'Y coordinate, base64url',
    example: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    maxLength: 100,
  })
  y!: string;

  @ApiProperty({ type: String, description: 'Key id', example: '01a1fb89-a690-7530-90c7-ac334b01292e', maxLength: 100 })
  kid!: string;

  @ApiProperty({ type: String, description: 'Algorithm', example: 'ES256', maxLength: 10 })
  alg!: string;

  @ApiProperty({ type: String, description: 'What the key is for', example: 'sig', maxLength: 10 })
  use!: string;
}

@ApiSchema({ name: 'JsonWebKeySet' })
class JwksResponse {
  @ApiProperty({
    type: JwkResponse,
    isArray: true,
    description: 'Keys that verify access tokens: active, next, and recently retired ones',
  })
  keys!: readonly PublicJwk[];
}

@ApiTags('keys')
@Controller('.well-known')
export class KeysController {
  constructor(private readonly keys: Keys) {}

  @Get('jwks.json')
  @Public()
  @JsonOnly()
  @Operation('keys.jwks', 'Public keys that verify access tokens', {
    status: 200,
    about: 'A JWK Set (RFC 7517)',
    type: JwksResponse,
  })
  async jwks(): Promise<JwksResponse> {
    return { keys: await this.keys.jwks() };
  }
}
