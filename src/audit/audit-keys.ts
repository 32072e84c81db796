import { Injectable } from '@nestjs/common';

import { Secrets } from '../platform/crypto/secrets.js';
import { checkpointKeys, checkpointSigner } from './checkpoint.js';
import type { CheckpointKeys, CheckpointSigner } from './checkpoint.js';

const PURPOSE = 'audit-checkpoints';

/** The key pair of checkpoints, derived from SECRET_KEY: no table holds it, so that no table can be made to lie about it. */
@Injectable()
export class AuditKeys {
  readonly signer: CheckpointSigner;
  /** Also the key of the secret before: what it signed is still verified. */
  readonly trusted: CheckpointKeys;

  constructor(secrets: Secrets) {
    const signers = secrets.keys(PURPOSE).map(checkpointSigner);
    this.signer = signers[0]!;
    this.trusted = checkpointKeys(signers.map(({ publicKey }) => publicKey))!;
  }
}
