import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { Locale } from '../platform/http/intl.properties.js';
import { Email, Flag, Id, Text, Whole } from '../platform/http/properties.js';
import { MeResponse } from '../users/index.js';
import type { SignedIn } from './sign-in.service.js';

const password = { example: 'correct horse battery staple', min: 1, max: 1024, format: 'password', writeOnly: true };

@ApiSchema({ name: 'RegisterRequest' })
@Examples({
  'With a name': { email: 'grace@example.com', password: 'correct horse battery staple', name: 'Grace Hopper' },
  'As little as possible': { email: 'katherine@example.com', password: 'correct horse battery staple' },
  'In German': {
    email: 'emmy@example.com',
    password: 'vier Ringe über einem stillen See',
    name: 'Emmy Noether',
    locale: 'de-DE',
  },
})
export class RegisterRequest {
  @Email({ about: 'E-mail address; a code is sent to it', example: 'grace@example.com' }) email!: string;
  @Text({ ...password, about: 'Password: at least 15 characters, of any kind' }) password!: string;
  @Text({
    about: 'Full name',
    example: 'Grace Hopper',
    min: 1,
    max: 200,
    pattern: /^(?!\s)[^\p{Cc}\u2028\u2029]+$/u,
    optional: true,
  })
  name?: string;
  @Locale({ optional: true })
  locale?: string;
}

@ApiSchema({ name: 'Flow' })
export class FlowResponse {
  @Id({ about: 'Give it back with the code of the mail', example: '01a1fb89-a690-7530-90c7-ac334b01292e' })
  flowId!: string;
}

@ApiSchema({ name: 'VerifyEmailRequest' })
@Examples({ 'The code of the mail': { flowId: '01a1fb89-a690-7530-90c7-ac334b01292e', code: '123456' } })
export class VerifyEmailRequest {
  @Id({ about: 'What the registration answered', example: '01a1fb89-a690-7530-90c7-ac334b01292e' }) flowId!: string;
  @Text({ about: 'The six digits of the mail', example: '123456', min: 6, max: 6, pattern: /^\d{6}$/ }) code!: string;
}

@ApiSchema({ name: 'LoginRequest' })
@Examples({
  'By e-mail address': { identifier: 'ada@example.com', password: 'correct horse battery staple' },
  'By user name': { identifier: 'ada', password: 'correct horse battery staple' },
})
export class LoginRequest {
  @Text({ about: 'E-mail address, or user name', example: 'ada@example.com', min: 1, max: 254 }) identifier!: string;
  @Text({ ...password, about: 'Password' }) password!: string;
}

@ApiSchema({ name: 'RefreshRequest' })
@Examples({ 'The newest refresh token': { refreshToken: 'wRz5vO8mB1pQ4sX7uA2dF5gH8jK1lN4qT7wZ0yC3eI6' } })
export class RefreshRequest {
  @Text({ about: 'The newest refresh token', example: 'wRz5vO8mB1pQ4sX7uA2dF5gH8jK1lN4qT7wZ0yC3eI6', min: 1, max: 512 })
  refreshToken!: string;
}

@ApiSchema({ name: 'ChangePasswordRequest' })
@Examples({
  'A phrase': {
    currentPassword: 'correct horse battery staple',
    newPassword: 'quiet river under seven bridges',
  },
  'In any script': { currentPassword: 'correct horse battery staple', newPassword: 'тихая река под семью мостами' },
})
export class ChangePasswordRequest {
  @Text({ ...password, about: 'The password that holds now' }) currentPassword!: string;
  @Text({
    ...password,
    about: 'The new one: at least 15 characters, of any kind',
    example: 'quiet river under seven bridges',
  })
  newPassword!: string;
}

@ApiSchema({ name: 'Tokens' })
export class TokensResponse {
  @Text({
    about: 'For `Authorization: Bearer`; a JWT (RFC 9068)',
    example: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln',
    max: 4096,
  })
  accessToken!: string;
  @Text({ about: 'How to send it', example: 'Bearer', max: 6 }) tokenType!: string;
  @Whole({ about: 'Seconds that the access token lives', example: 600, min: 1, max: 3600 }) expiresIn!: number;
  @Text({
    about: 'For `POST /api/v1/auth/refresh`; each is used once',
    example: 'wRz5vO8mB1pQ4sX7uA2dF5gH8jK1lN4qT7wZ0yC3eI6',
    max: 512,
  })
  refreshToken!: string;
  @Flag({ about: 'The password was for one use: nothing else is allowed before it is changed', example: false })
  passwordChangeRequired!: boolean;
  @ApiProperty({ type: MeResponse, description: 'Who signed in' }) user!: MeResponse;

  static from(signedIn: SignedIn, now: Date): TokensResponse {
    const { accessToken, expiresIn, refreshToken, passwordChangeRequired, user } = signedIn;
    return {
      accessToken,
      tokenType: 'Bearer',
      expiresIn,
      refreshToken,
      passwordChangeRequired,
      user: MeResponse.from(user, now),
    };
  }
}
