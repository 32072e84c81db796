import { createHmac } from 'node:crypto';

import type { Secrets } from '../platform/crypto/secrets.js';

/** What is kept of a mailed code. Six digits are guessed in no time from a plain hash; without the key they are not. */
export function digestOf(secrets: Secrets, flowId: string, code: string): Buffer {
  return createHmac('sha256', secrets.key('registration-codes')).update(`${flowId}:${code}`).digest();
}
