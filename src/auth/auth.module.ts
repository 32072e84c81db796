import { Module } from '@nestjs/common';

import { AccessModule } from '../access/index.js';
import { EventsModule } from '../events/index.js';
import { JobsModule } from '../jobs/index.js';
import { KeysModule } from '../keys/index.js';
import { MailModule } from '../mail/index.js';
import { MfaModule } from '../mfa/index.js';
import { PasswordsModule } from '../passwords/index.js';
import { SessionsModule } from '../sessions/index.js';
import { UsersModule } from '../users/index.js';
import { AccessTokenStrategy } from './access-token.strategy.js';
import { AccessTokens } from './access-tokens.js';
import { MyCredentialsController, RecoveryController } from './account.controller.js';
import { AccountLinks } from './accounts/account-links.js';
import { Addresses } from './accounts/addresses.service.js';
import { Compromised } from './accounts/compromised.service.js';
import { ConfirmationService } from './accounts/confirmation.service.js';
import { Letters } from './accounts/letters.service.js';
import { MagicLinks } from './accounts/magic-links.service.js';
import { OwnPassword } from './accounts/own-password.service.js';
import { PasswordResets } from './accounts/password-resets.service.js';
import { RegistrationService } from './accounts/registration.service.js';
import { Verifications } from './accounts/verifications.service.js';
import { Administration } from './administration.service.js';
import { Administrators } from './administrators.service.js';
import { AuthController } from './auth.controller.js';
import { Bearers } from './bearers.service.js';
import { EmailController } from './email.controller.js';
import { EndedCredentials } from './ended-credentials.service.js';
import { FlowsRepository } from './flows/flows.repository.js';
import { Flows } from './flows/flows.service.js';
import { GuessesRepository } from './guesses/guesses.repository.js';
import { Guesses } from './guesses/guesses.service.js';
import { PasswordGuesses } from './guesses/password-guesses.service.js';
import { Impersonation } from './impersonation.service.js';
import { AcceptanceController } from './invitations/acceptance.controller.js';
import { InvitationAcceptance } from './invitations/invitation-acceptance.service.js';
import { InvitationLetters } from './invitations/invitation-letters.service.js';
import { InvitationsController } from './invitations/invitations.controller.js';
import { InvitationsList } from './invitations/invitations.list.js';
import { InvitationsRepository } from './invitations/invitations.repository.js';
import { Invitations } from './invitations/invitations.service.js';
import { ApiKeysController } from './keys/api-keys.controller.js';
import { ApiKeysList } from './keys/api-keys.list.js';
import { ApiKeysRepository } from './keys/api-keys.repository.js';
import { ApiKeys } from './keys/api-keys.service.js';
import { KeyUses } from './keys/key-uses.service.js';
import { MyTokensController } from './keys/my-tokens.controller.js';
import { NewDevices } from './new-devices.service.js';
import { AccountPagesController } from './pages/account-pages.controller.js';
import { Principals } from './principals.js';
import { Proofs } from './proofs.service.js';
import { SecondFactorController } from './second-factor.controller.js';
import { SecondFactors } from './second-factors.service.js';
import { SecondStep } from './second-step.service.js';
import { SessionCookies } from './session-cookies.js';
import { SessionTokens } from './session-tokens.service.js';
import { SignInService } from './sign-in.service.js';
import { StepUp } from './step-up.service.js';
import { TokenQuestionsController } from './token-questions.controller.js';
import { UserCredentialsController } from './user-credentials.controller.js';

const accounts = [
  AccountLinks,
  Addresses,
  Compromised,
  ConfirmationService,
  Letters,
  MagicLinks,
  OwnPassword,
  PasswordResets,
  RegistrationService,
  Verifications,
];
const proofs = [Flows, FlowsRepository, Guesses, GuessesRepository, PasswordGuesses, SecondFactors, SecondStep, StepUp];
const invitations = [InvitationAcceptance, InvitationLetters, Invitations, InvitationsList, InvitationsRepository];
const keys = [ApiKeys, ApiKeysList, ApiKeysRepository, KeyUses];

@Module({
  imports: [
    AccessModule,
    EventsModule,
    JobsModule,
    KeysModule,
    MailModule,
    MfaModule,
    PasswordsModule,
    SessionsModule,
    UsersModule,
  ],
  controllers: [
    AccountPagesController,
    AuthController,
    EmailController,
    RecoveryController,
    SecondFactorController,
    TokenQuestionsController,
    MyCredentialsController,
    MyTokensController,
    UserCredentialsController,
    ApiKeysController,
    InvitationsController,
    AcceptanceController,
  ],
  providers: [
    ...accounts,
    ...proofs,
    ...invitations,
    ...keys,
    AccessTokens,
    AccessTokenStrategy,
    Administration,
    Administrators,
    Bearers,
    EndedCredentials,
    Impersonation,
    NewDevices,
    Principals,
    Proofs,
    SessionCookies,
    SessionTokens,
    SignInService,
  ],
  exports: [AccessTokenStrategy, Administrators, Bearers, KeyUses, Principals, SessionCookies],
})
export class AuthModule {}
