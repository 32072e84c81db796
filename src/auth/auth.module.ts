import { Module } from '@nestjs/common';

import { AccessModule } from '../access/index.js';
import { EventsModule } from '../events/index.js';
import { JobsModule } from '../jobs/index.js';
import { KeysModule } from '../keys/index.js';
import { MailModule } from '../mail/index.js';
import { PasswordsModule } from '../passwords/index.js';
import { SessionsModule } from '../sessions/index.js';
import { UsersModule } from '../users/index.js';
import { AccessTokenStrategy } from './access-token.strategy.js';
import { AccessTokens } from './access-tokens.js';
import { Administrators } from './administrators.service.js';
import { AuthController, MyPasswordController } from './auth.controller.js';
import { ConfirmationService } from './confirmation.service.js';
import { OwnPassword } from './own-password.service.js';
import { Principals } from './principals.js';
import { RegistrationService } from './registration.service.js';
import { RegistrationsRepository } from './registrations.repository.js';
import { SignInService } from './sign-in.service.js';

@Module({
  imports: [
    AccessModule,
    EventsModule,
    JobsModule,
    KeysModule,
    MailModule,
    PasswordsModule,
    SessionsModule,
    UsersModule,
  ],
  controllers: [AuthController, MyPasswordController],
  providers: [
    AccessTokens,
    AccessTokenStrategy,
    Principals,
    RegistrationService,
    RegistrationsRepository,
    SignInService,
    Administrators,
    ConfirmationService,
    OwnPassword,
  ],
  exports: [AccessTokenStrategy, Principals, Administrators],
})
export class AuthModule {}
