import { createHmac, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;
const MARK = 'whsec_';

/** `whsec_` and 256 random bits in base64, as Standard Webhooks writes secrets. */
export function newSecret(): string {
  return `${MARK}${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** What Standard Webhooks 1.0 signs: id, moment and body, under each secret. */
export interface Signed {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly body: Buffer;
}

/** The header `webhook-signature`: one signature for each secret, so that either of two verifies. */
export function signatureOf({ id, timestamp, body }: Signed, secrets: readonly string[]): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.slice(MARK.length), 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
    })
    .join(' ');
}
