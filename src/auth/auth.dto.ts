import { ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { Locale } from '../platform/http/intl.properties.js';
import { Email, Id, OneOf, Text, TextList, Whole } from '../platform/http/properties.js';
import { FlowId, MailCode, MailToken } from './sign-in.dto.js';

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
@Examples({
  'The code of the mail': { flowId: '01a1fb89-a690-7530-90c7-ac334b01292e', code: '123456' },
  'The token of the link': { token: 'wRz5vO8mB1pQ4sX7uA2dF5gH8jK1lN4qT7wZ0yC3eI6' },
})
export class VerifyEmailRequest {
  @MailToken() token?: string;
  @FlowId() flowId?: string;
  @MailCode() code?: string;
  @Text({ ...password, about: 'That of the registration or the account, where the link is shown', optional: true })
  password?: string;
}

@ApiSchema({ name: 'EmailRequest' })
@Examples({ 'An address': { email: 'grace@example.com' } })
export class EmailRequest {
  @Email({ about: 'E-mail address', example: 'grace@example.com' }) email!: string;
}

@ApiSchema({ name: 'MailTokenRequest' })
@Examples({ 'The token of the link': { token: 'wRz5vO8mB1pQ4sX7uA2dF5gH8jK1lN4qT7wZ0yC3eI6' } })
export class TokenRequest {
  @Text({
    about: 'The token of the link in the mail',
    example: 'wRz5vO8mB1pQ4sX7uA2dF5gH8jK1lN4qT7wZ0yC3eI6',
    min: 1,
    max: 200,
  })
  token!: string;
}

@ApiSchema({ name: 'ResetPasswordRequest' })
@Examples({
  'The token of the link': {
    token: 'wRz5vO8mB1pQ4sX7uA2dF5gH8jK1lN4qT7wZ0yC3eI6',
    password: 'quiet river under seven bridges',
  },
  'The code of the mail': {
    flowId: '01a1fb89-a690-7530-90c7-ac334b01292e',
    code: '123456',
    password: 'quiet river under seven bridges',
  },
})
export class ResetPasswordRequest {
  @MailToken() token?: string;
  @FlowId() flowId?: string;
  @MailCode() code?: string;
  @Text({ ...password, about: 'The new password: at least 15 characters, of any kind' }) password!: string;
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

const WAYS = ['password', 'magic_link', 'passkey'] as const;

@ApiSchema({ name: 'AuthMethods' })
export class AuthMethodsResponse {
  @TextList({
    about: 'Ways to sign in',
    example: ['password', 'magic_link', 'passkey'],
    max: 20,
    maxItems: 10,
    pattern: /^[a-z_]+$/,
  })
  signIn!: readonly string[];
  @TextList({
    about: 'Second factors that people can have',
    example: ['totp', 'passkey', 'recovery_code'],
    max: 20,
    maxItems: 10,
    pattern: /^[a-z_]+$/,
  })
  secondFactors!: readonly string[];
  @OneOf(['open', 'invite', 'closed'], 'RegistrationMode', { about: 'Who can have an account', example: 'open' })
  registration!: string;
  @Whole({ about: 'Characters that a password has at least', example: 15, min: 8, max: 128 })
  passwordMinLength!: number;

  static from(registration: string, passwordMinLength: number): AuthMethodsResponse {
    return { signIn: WAYS, secondFactors: ['totp', 'passkey', 'recovery_code'], registration, passwordMinLength };
  }
}
