import { ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { Flag, Id, JsonObject, ListOf, TextList } from '../platform/http/properties.js';
import type { FactorRow } from './factor.entity.js';
import {
  CreatedAt,
  EXAMPLE_ID,
  FactorId,
  FactorName,
  FactorVersion,
  LastUsedAt,
  RecoveryCodeList,
} from './mfa.properties.js';
import type { ConfirmedFactor } from './totp.service.js';

/** More than any authenticator needs that attests nothing. */
const ANSWER_BYTES = 16 * 1024;

const CREATED = {
  id: 'Yx3mJ0cVb1d4o6cW1x5hKQ',
  rawId: 'Yx3mJ0cVb1d4o6cW1x5hKQ',
  type: 'public-key',
  authenticatorAttachment: 'platform',
  clientExtensionResults: { credProps: { rk: true } },
  response: {
    clientDataJSON: 'eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0',
    attestationObject: 'o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVg',
    transports: ['internal', 'hybrid'],
  },
};

@ApiSchema({ name: 'PasskeyRegistrationOptions' })
export class PasskeyOptionsResponse {
  @Id({ about: 'Give it back with the answer, once and within five minutes', example: EXAMPLE_ID })
  challengeId!: string;
  @JsonObject({
    about:
      'For `PublicKeyCredential.parseCreationOptionsFromJSON()`: `PublicKeyCredentialCreationOptionsJSON` of WebAuthn level 3',
    example: {
      rp: { id: 'example.com', name: 'Roster' },
      user: { id: 'MDFhMWZiODk', name: 'ada@example.com', displayName: 'Ada Lovelace' },
      challenge: 'qL4nVbq2f1Xy7Wm0pZt8sRk3uJd6hGc9aEoTiNxB5v0',
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
      timeout: 300_000,
      attestation: 'none',
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    },
    maxBytes: ANSWER_BYTES,
  })
  options!: object;
}

@ApiSchema({ name: 'RegisterPasskeyRequest' })
@Examples({ 'A passkey of this device': { challengeId: EXAMPLE_ID, name: 'My telephone', response: CREATED } })
export class RegisterPasskeyRequest {
  @Id({ about: 'What the options came with', example: EXAMPLE_ID }) challengeId!: string;
  @FactorName() name!: string;
  @JsonObject({
    about:
      'What `toJSON()` makes of the answer of `navigator.credentials.create()`: `RegistrationResponseJSON` of WebAuthn level 3; at most 16 KiB',
    example: CREATED,
    maxBytes: ANSWER_BYTES,
  })
  response!: object;
}

@ApiSchema({ name: 'Passkey' })
export class PasskeyResponse {
  @FactorId() id!: string;
  @FactorName() name!: string;
  @TextList({
    about: 'How the authenticator is reached, as it says itself (WebAuthn 5.8.4)',
    example: ['internal', 'hybrid'],
    max: 16,
    maxItems: 7,
    pattern: /^[a-z-]+$/,
  })
  transports!: readonly string[];
  @Flag({ about: 'It is synchronised: losing the device does not lose it', example: true }) backedUp!: boolean;
  @Id({
    about: 'The model of the authenticator (AAGUID), where it says so',
    example: 'ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4',
    nullable: true,
  })
  aaguid!: string | null;
  @CreatedAt() createdAt!: string;
  @LastUsedAt() lastUsedAt!: string | null;
  @FactorVersion() version!: number;

  static from({ id, name, transports, backedUp, aaguid, createdAt, lastUsedAt, version }: FactorRow): PasskeyResponse {
    return {
      id,
      name,
      transports: transports ?? [],
      backedUp: backedUp ?? false,
      aaguid,
      createdAt: createdAt.toISOString(),
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
      version,
    };
  }
}

@ApiSchema({ name: 'PasskeyList' })
export class PasskeyListResponse {
  @ListOf(() => PasskeyResponse, 'Every passkey, the oldest first') data!: PasskeyResponse[];

  static from(rows: readonly FactorRow[]): PasskeyListResponse {
    return { data: rows.filter(({ kind }) => kind === 'passkey').map((row) => PasskeyResponse.from(row)) };
  }
}

@ApiSchema({ name: 'NewPasskey' })
export class NewPasskeyResponse extends PasskeyResponse {
  @RecoveryCodeList('Ten codes for the day on which it is lost, if it is your first factor; shown this once')
  recoveryCodes!: readonly string[];

  static registered({ factor, recoveryCodes }: ConfirmedFactor): NewPasskeyResponse {
    return { ...PasskeyResponse.from(factor), recoveryCodes };
  }
}
