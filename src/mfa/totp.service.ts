import { randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';
import { Secret, TOTP } from 'otpauth';
import { renderSVG } from 'uqr';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { Users } from '../users/index.js';
import type { Factor, FactorRow } from './factor.entity.js';
import { Factors } from './factors.service.js';
import { FactorAlreadyConfirmed, FactorCodeInvalid, FactorNotFound } from './mfa.contract.js';
import { TotpRepository } from './totp.repository.js';
import type { SealedApp } from './totp.repository.js';

const PURPOSE = 'totp-secrets';
const ISSUER = 'Roster';
/** As long as what the HMAC gives (RFC 4226, 4). */
const SECRET_BYTES = 20;
const CODE = /^\d{6}$/;
/** Steps that the clock of the device may be off, either way (RFC 6238, 5.2). */
const WINDOW = 1;
const BATCH = 200;

const ResealTotpSecrets = defineJob('totp_secrets.reseal', { maxAttempts: 3, cancellable: false });

/** What an app has to be told, once. */
export interface Enrolment {
  readonly factor: FactorRow;
  readonly secret: string;
  readonly uri: string;
  readonly qrCode: string;
}

export interface ConfirmedFactor {
  readonly factor: FactorRow;
  readonly recoveryCodes: readonly string[];
}

/** Codes of authenticator apps (RFC 6238): SHA-1, six digits, 30 seconds, for no other is known to every app. */
@Injectable()
export class Totp {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly users: Users,
    private readonly factors: Factors,
    private readonly apps: TotpRepository,
    private readonly secrets: Secrets,
    jobs: Jobs,
  ) {
    jobs.work(ResealTotpSecrets, () => this.resealAll(), { cron: '37 3 * * *' });
  }

  /** The factor proves nothing yet: the app has to show that it knows the secret. @throws TooManyFactors */
  enrol(userId: string, name: string): Promise<Enrolment> {
    return this.db.transaction(async () => {
      const owner = await this.users.lock(userId);
      const secret = randomBytes(SECRET_BYTES);
      const factor = this.make(userId, name, secret);
      await this.factors.add(owner, factor);
      const totp = totpOf(secret, owner.email);
      const uri = totp.toString();
      return { factor, secret: totp.secret.base32, uri, qrCode: renderSVG(uri, { border: 4 }) };
    });
  }

  /** @throws FactorNotFound, FactorAlreadyConfirmed, FactorCodeInvalid */
  async confirm(userId: string, id: string, code: string): Promise<ConfirmedFactor> {
    const confirmed = await this.db.transaction(async () => {
      const owner = await this.users.lock(userId);
      const app = await this.apps.find(id, userId);
      if (!app) throw new FactorNotFound();
      if (app.confirmedAt) throw new FactorAlreadyConfirmed();
      const step = this.stepOf(app, code);
      if (step === null) {
        this.factors.refused(userId, 'totp', id);
        return null;
      }
      const factor = await this.apps.confirm(id, step, this.clock.now());
      return { factor, recoveryCodes: await this.factors.confirmed(owner, factor) };
    });
    // Thrown after the commit, so that the refusal is on record.
    if (!confirmed)
      throw new FactorCodeInvalid(undefined, [
        { pointer: '/code', code: 'factor_code_invalid', detail: 'is not right, or no longer' },
      ]);
    return confirmed;
  }

  /** The user's apps that are good. */
  confirmedOf(userId: string): Promise<SealedApp[]> {
    return this.apps.confirmedOf(userId);
  }

  /** Whether one of these apps shows this code now; it is used up (RFC 6238, 5.2). */
  async use(apps: readonly SealedApp[], code: string): Promise<boolean> {
    for (const app of apps) {
      const step = this.stepOf(app, code);
      if (step !== null && (await this.apps.useStep(app.id, step, this.clock.now()))) return true;
    }
    return false;
  }

  /** The step of 30 seconds since 1970 whose code this is; null if it is none of now. */
  private stepOf({ id, secret }: SealedApp, code: string): number | null {
    const timestamp = this.clock.millis();
    const totp = totpOf(this.secrets.open(PURPOSE, secret, id));
    const delta = totp.validate({ token: code, timestamp, window: WINDOW });
    return delta === null ? null : totp.counter({ timestamp }) + delta;
  }

  /** What was sealed under the key before is sealed anew, so that that key can be taken away. */
  private async resealAll(): Promise<void> {
    for (let last: string | null = null; ;) {
      const batch: SealedApp[] = await this.apps.batchAfter(last, BATCH);
      for (const { id, secret } of batch) {
        const sealed = this.secrets.reseal(PURPOSE, secret, id);
        if (sealed) await this.apps.reseal(id, secret, sealed);
      }
      if (batch.length < BATCH) return;
      last = batch.at(-1)!.id;
    }
  }

  private make(userId: string, name: string, secret: Buffer): Factor {
    const id = newId();
    return {
      id,
      userId,
      kind: 'totp',
      name,
      secret: this.secrets.seal(PURPOSE, secret, id),
      lastStep: '0',
      credentialId: null,
      publicKey: null,
      counter: null,
      transports: null,
      backedUp: null,
      aaguid: null,
      createdAt: this.clock.now(),
      confirmedAt: null,
      lastUsedAt: null,
      version: 1,
    };
  }
}

/** Whatever else is no guess at one. */
export function isTotpCode(text: string): boolean {
  return CODE.test(text);
}

function totpOf(secret: Buffer, label = ''): TOTP {
  return new TOTP({ issuer: ISSUER, label, secret: Secret.fromHex(secret.toString('hex')) });
}
