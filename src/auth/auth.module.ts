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
import { ApiKeysController } from './keys/api-keys.controller.js';
import { ApiKeysList } from './keys/api-keys.list.js';
import { ApiKeysRepository } from './keys/api-keys.repository.js';
import { ApiKeys } from './keys/api-keys.service.js';
import { KeyUses } from './keys/key-uses.service.js';
import { MyTokensController } from './keys/my-tokens.controller.js';
import { OwnPassword } from './own-password.service.js';
import { Principals } from './principals.js';
import { Proofs } from './proofs.service.js';
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
  controllers: [AuthController, MyPasswordController, MyTokensController, ApiKeysController],
  providers: [
    AccessTokens,
    AccessTokenStrategy,
    ApiKeys,
    ApiKeysList,
    ApiKeysRepository,
    KeyUses,
    Principals,
    Proofs,
    RegistrationService,
    RegistrationsRepository,
    SignInService,
    Administrators,
    ConfirmationService,
    OwnPassword,
  ],
  exports: [AccessTokenStrategy, KeyUses, Principals, Administrators],
})
export class AuthModule {}
