import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { Flag, Id, JsonObject, OneOf, Text, TextList, Whole } from '../platform/http/properties.js';
import { MeResponse } from '../users/index.js';
import type { SignedIn } from './session-tokens.service.js';
import type { SignInOutcome } from './sign-in.service.js';

const TOKEN = 'wRz5vO8mB1pQ4sX7uA2dF5gH8jK1lN4qT7wZ0yC3eI6';
const FLOW = '01a1fb89-a690-7530-90c7-ac334b01292e';
const password = { example: 'correct horse battery staple', min: 1, max: 1024, format: 'password', writeOnly: true };

/** How a session is carried: by tokens that the client keeps, or by cookies that no script can read. */
export const TRANSPORTS = ['bearer', 'cookie'] as const;
export type Transport = (typeof TRANSPORTS)[number];

const Carried = (): PropertyDecorator =>
  OneOf(TRANSPORTS, 'SessionTransport', {
    about: 'How the session is carried: tokens in the answer, or cookies and a `csrfToken`; bearer if it is left out',
    example: 'bearer',
    optional: true,
  });
const DeviceToken = (): PropertyDecorator =>
  Text({
    about: 'The `deviceToken` of a sign-in that trusted this device: no second factor is asked for',
    example: TOKEN,
    min: 1,
    max: 200,
    optional: true,
  });

export const MailToken = (): PropertyDecorator =>
  Text({ about: 'The token of the link in the mail', example: TOKEN, min: 1, max: 200, optional: true });
export const FlowId = (): PropertyDecorator =>
  Id({ about: 'What the start answered; with a `code`', example: FLOW, optional: true });
export const MailCode = (): PropertyDecorator =>
  Text({
    about: 'The six digits of the mail; with a `flowId`',
    example: '123456',
    min: 6,
    max: 6,
    pattern: /^\d{6}$/,
    optional: true,
  });

@ApiSchema({ name: 'LoginRequest' })
@Examples({
  'By e-mail address': { identifier: 'ada@example.com', password: 'correct horse battery staple' },
  'By user name': { identifier: 'ada', password: 'correct horse battery staple' },
  'In a browser, by cookies': {
    identifier: 'ada@example.com',
    password: 'correct horse battery staple',
    session: 'cookie',
  },
})
export class LoginRequest {
  @Text({ about: 'E-mail address, or user name', example: 'ada@example.com', min: 1, max: 254 }) identifier!: string;
  @Text({ ...password, about: 'Password' }) password!: string;
  @DeviceToken() deviceToken?: string;
  @Carried() session?: Transport;
}

@ApiSchema({ name: 'RefreshRequest' })
@Examples({ 'The newest refresh token': { refreshToken: TOKEN }, 'By cookies': {} })
export class RefreshRequest {
  @Text({
    about: 'The newest refresh token; left out where a cookie holds it',
    example: TOKEN,
    min: 1,
    max: 512,
    optional: true,
  })
  refreshToken?: string;
}

@ApiSchema({ name: 'ConsumeMagicLinkRequest' })
@Examples({
  'The token of the link': { token: TOKEN },
  'The code of the mail': { flowId: FLOW, code: '123456' },
})
export class ConsumeMagicLinkRequest {
  @MailToken() token?: string;
  @FlowId() flowId?: string;
  @MailCode() code?: string;
  @DeviceToken() deviceToken?: string;
  @Carried() session?: Transport;
}

const METHODS = ['totp', 'passkey', 'recovery_code'] as const;

/** One of: a code of an authenticator or of the recovery codes, or what a passkey answered to its challenge. */
class FactorRequest {
  @OneOf(METHODS, 'MfaMethod', { about: 'Which factor is shown', example: 'totp', optional: true })
  method?: (typeof METHODS)[number];
  @Text({
    about: 'The code; of an authenticator, or a recovery code',
    example: '123456',
    min: 6,
    max: 40,
    optional: true,
  })
  code?: string;
  @Id({ about: 'The challenge that the passkey answers', example: FLOW, optional: true }) challengeId?: string;
  @JsonObject({
    about: 'What `navigator.credentials.get()` gave (AuthenticationResponseJSON, WebAuthn Level 3)',
    example: { id: 'AQ', rawId: 'AQ', type: 'public-key', response: {}, clientExtensionResults: {} },
    maxBytes: 16_384,
    optional: true,
  })
  response?: object;
}

@ApiSchema({ name: 'VerifyFactorRequest' })
@Examples({
  'A code of an authenticator': { mfaToken: TOKEN, method: 'totp', code: '123456' },
  'A recovery code': { mfaToken: TOKEN, method: 'recovery_code', code: 'abcde-fghij-klmno' },
})
export class VerifyFactorRequest extends FactorRequest {
  @Text({ about: 'The `mfaToken` of the first step', example: TOKEN, min: 1, max: 200 }) mfaToken!: string;
  @Flag({ about: 'Whether this device is not to be asked again for 30 days', example: false, optional: true })
  trustDevice?: boolean;
  @Carried() session?: Transport;
}

@ApiSchema({ name: 'StepUpRequest' })
@Examples({
  'The password': { password: 'correct horse battery staple' },
  'A code of an authenticator': { method: 'totp', code: '123456' },
})
export class StepUpRequest extends FactorRequest {
  @Text({ ...password, about: 'The password, of whoever has no second factor', optional: true }) password?: string;
}

@ApiSchema({ name: 'PasskeyOptionsRequest' })
@Examples({ 'To sign in': {}, 'As a second factor': { mfaToken: TOKEN } })
export class PasskeyOptionsRequest {
  @Text({
    about: 'Of the first step, where the passkey is the second',
    example: TOKEN,
    min: 1,
    max: 200,
    optional: true,
  })
  mfaToken?: string;
}

@ApiSchema({ name: 'PasskeyOptions' })
export class PasskeyOptionsResponse {
  @Id({ about: 'Give it back with what the passkey answers', example: FLOW }) challengeId!: string;
  @JsonObject({
    about: 'For `navigator.credentials.get()` (PublicKeyCredentialRequestOptionsJSON, WebAuthn Level 3)',
    example: { challenge: 'AQ', rpId: 'id.example.com', userVerification: 'required' },
    maxBytes: 16_384,
  })
  options!: object;
}

@ApiSchema({ name: 'VerifyPasskeyRequest' })
@Examples({
  'What the browser gave': {
    challengeId: FLOW,
    response: { id: 'AQ', rawId: 'AQ', type: 'public-key', response: {}, clientExtensionResults: {} },
  },
})
export class VerifyPasskeyRequest {
  @Id({ about: 'The challenge that is answered', example: FLOW }) challengeId!: string;
  @JsonObject({
    about: 'What `navigator.credentials.get()` gave (AuthenticationResponseJSON, WebAuthn Level 3)',
    example: { id: 'AQ', rawId: 'AQ', type: 'public-key', response: {}, clientExtensionResults: {} },
    maxBytes: 16_384,
  })
  response!: object;
  @Carried() session?: Transport;
}

/** What a sign-in gives: tokens, or cookies and a `csrfToken`, or the token of a second step. */
@ApiSchema({ name: 'SignIn' })
@Examples({
  'Signed in': {
    mfaRequired: false,
    accessToken: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln',
    tokenType: 'Bearer',
    expiresIn: 600,
    refreshToken: TOKEN,
    passwordChangeRequired: false,
  },
  'A second factor is due': { mfaRequired: true, mfaToken: TOKEN, methods: ['totp', 'recovery_code'] },
})
export class SignInResponse {
  @Flag({ about: 'Whether a second factor is due: then only `mfaToken` and `methods` are there', example: false })
  mfaRequired!: boolean;
  @Text({ about: 'For `POST /api/v1/auth/mfa/verify`, within ten minutes', example: TOKEN, max: 200, optional: true })
  mfaToken?: string;
  @TextList({
    about: 'The factors of which one has to be shown',
    example: ['totp', 'recovery_code'],
    max: 20,
    maxItems: 3,
    pattern: /^[a-z_]+$/,
    optional: true,
  })
  methods?: readonly string[];
  @Text({
    about: 'For `Authorization: Bearer`; a JWT (RFC 9068)',
    example: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln',
    max: 4096,
    optional: true,
  })
  accessToken?: string;
  @Text({ about: 'How to send it', example: 'Bearer', max: 6, optional: true }) tokenType?: string;
  @Whole({ about: 'Seconds that the access token lives', example: 600, min: 1, max: 3600, optional: true })
  expiresIn?: number;
  @Text({ about: 'For `POST /api/v1/auth/refresh`; each is used once', example: TOKEN, max: 512, optional: true })
  refreshToken?: string;
  @Text({
    about: 'Of a session by cookies: send it as `X-CSRF-Token` with whatever changes something',
    example: TOKEN,
    max: 200,
    optional: true,
  })
  csrfToken?: string;
  @Text({ about: 'Of a trusted device: give it at the next sign-in', example: TOKEN, max: 200, optional: true })
  deviceToken?: string;
  @Flag({
    about: 'The password was for one use: nothing else is allowed before it is changed',
    example: false,
    optional: true,
  })
  passwordChangeRequired?: boolean;
  @ApiProperty({ type: MeResponse, description: 'Who signed in', required: false }) user?: MeResponse;

  static from(outcome: SignInOutcome, now: Date, csrfToken: string | null): SignInResponse {
    if ('mfaToken' in outcome) return { mfaRequired: true, mfaToken: outcome.mfaToken, methods: outcome.methods };
    const { passwordChangeRequired, deviceToken } = outcome;
    const user = MeResponse.from(outcome.user, now);
    const common = { mfaRequired: false, passwordChangeRequired, deviceToken, user };
    return csrfToken === null
      ? { ...common, ...bearer(outcome) }
      : { ...common, csrfToken, expiresIn: outcome.expiresIn };
  }
}

function bearer({ accessToken, expiresIn, refreshToken }: SignedIn): Partial<SignInResponse> {
  return { accessToken, tokenType: 'Bearer', expiresIn, refreshToken };
}
