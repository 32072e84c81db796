import { Module } from '@nestjs/common';

import { EventsModule } from '../events/index.js';
import { JobsModule } from '../jobs/index.js';
import { MailModule } from '../mail/index.js';
import { UsersModule } from '../users/index.js';
import { CredentialLetters } from './credential-letters.service.js';
import { DevicesController } from './devices.controller.js';
import { FactorsController } from './factors.controller.js';
import { FactorsRepository } from './factors.repository.js';
import { Factors } from './factors.service.js';
import { Mfa } from './mfa.service.js';
import { PasskeysController } from './passkeys.controller.js';
import { PasskeysRepository } from './passkeys.repository.js';
import { Passkeys } from './passkeys.service.js';
import { RecoveryCodesController } from './recovery-codes.controller.js';
import { RecoveryCodesRepository } from './recovery-codes.repository.js';
import { RecoveryCodes } from './recovery-codes.service.js';
import { RelyingParty } from './relying-party.js';
import { Totp } from './totp.service.js';
import { TotpGuesses } from './totp-guesses.service.js';
import { TotpRepository } from './totp.repository.js';
import { TrustedDevicesRepository } from './trusted-devices.repository.js';
import { TrustedDevices } from './trusted-devices.service.js';

@Module({
  imports: [EventsModule, JobsModule, MailModule, UsersModule],
  controllers: [FactorsController, RecoveryCodesController, PasskeysController, DevicesController],
  providers: [
    CredentialLetters,
    Factors,
    FactorsRepository,
    Mfa,
    Passkeys,
    PasskeysRepository,
    RecoveryCodes,
    RecoveryCodesRepository,
    RelyingParty,
    Totp,
    TotpGuesses,
    TotpRepository,
    TrustedDevices,
    TrustedDevicesRepository,
  ],
  exports: [Mfa],
})
export class MfaModule {}
