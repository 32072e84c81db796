import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The sealed text was changed, belongs to another purpose, or was sealed under a key that is no longer known. */
export class SealBroken extends Error {}

/** Encrypts and authenticates `plain` (AES-256-GCM): nonce, then tag, then the ciphertext. */
export function sealWith(key: Buffer, plain: Buffer, context = ''): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(context));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** @throws SealBroken */
export function openWith(key: Buffer, sealed: Buffer, context = ''): Buffer {
  try {
    const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new SealBroken('The sealed value cannot be opened', { cause });
  }
}

/** One secret key, from which each purpose derives its own (HKDF-SHA-256, RFC 5869). */
export class Secrets {
  private readonly derived = new Map<string, Buffer>();

  constructor(
    private readonly current: Buffer,
    private readonly previous: Buffer | null = null,
  ) {}

  /** 32 bytes that are the same in every process with this secret key, and useless for any other purpose. */
  key(purpose: string): Buffer {
    return this.derive(this.current, 'current', purpose);
  }

  /** The same, and the one that the secret key before it gave: what that one signed is met for a long time. */
  keys(purpose: string): Buffer[] {
    return this.previous ? [this.key(purpose), this.derive(this.previous, 'previous', purpose)] : [this.key(purpose)];
  }

  seal(purpose: string, plain: Buffer, context = ''): Buffer {
    return sealWith(this.key(purpose), plain, context);
  }

  /** Opens what was sealed under the current key or the one before it. @throws SealBroken */
  open(purpose: string, sealed: Buffer, context = ''): Buffer {
    try {
      return openWith(this.key(purpose), sealed, context);
    } catch (error) {
      if (!this.previous) throw error;
      return openWith(this.derive(this.previous, 'previous', purpose), sealed, context);
    }
  }

  /** The same under the current key; null when it is already. @throws SealBroken */
  reseal(purpose: string, sealed: Buffer, context = ''): Buffer | null {
    try {
      openWith(this.key(purpose), sealed, context);
      return null;
    } catch {
      // Sealed under the key before, or broken: `open` tells the two apart.
      return this.seal(purpose, this.open(purpose, sealed, context), context);
    }
  }

  private derive(secret: Buffer, generation: string, purpose: string): Buffer {
    const name = `${generation}:${purpose}`;
    const known = this.derived.get(name);
    if (known) return known;
    const key = Buffer.from(hkdfSync('sha256', secret, 'roster', purpose, 32));
    this.derived.set(name, key);
    return key;
  }
}

/** A key that only the holder of this token can make (HKDF-SHA-256): what is sealed under it is lost with the token. */
export function keyFromToken(token: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', token, 'roster', purpose, 32));
}
