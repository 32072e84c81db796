import { Injectable } from '@nestjs/common';

import { Secrets } from '../platform/crypto/secrets.js';
import { newSecret } from './signature.js';

interface Sealed {
  readonly webhookId: string;
  readonly secret: Buffer;
  readonly previousSecret: Buffer | null;
  readonly previousSecretUntil: Date | null;
}

const PURPOSE = 'webhooks';

/** The secrets by which webhooks are signed; in the database they lie sealed, each to its webhook. */
@Injectable()
export class WebhookSecrets {
  constructor(private readonly secrets: Secrets) {}

  make(webhookId: string): { readonly secret: string; readonly sealed: Buffer } {
    const secret = newSecret();
    return { secret, sealed: this.secrets.seal(PURPOSE, Buffer.from(secret), webhookId) };
  }

  /** Those that sign at a moment, the present one first. */
  openAll({ webhookId, secret, previousSecret, previousSecretUntil }: Sealed, at: Date): string[] {
    const live =
      previousSecret && previousSecretUntil && previousSecretUntil > at ? [secret, previousSecret] : [secret];
    return live.map((sealed) => this.secrets.open(PURPOSE, sealed, webhookId).toString());
  }
}
