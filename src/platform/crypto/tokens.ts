import { hash, randomBytes, randomInt, randomUUIDv7 } from 'node:crypto';

/** A UUIDv7 (RFC 9562): ids sort by the time of their making, so that they are also partition keys. */
export function newId(): string {
  return randomUUIDv7();
}

/** When an id was made (RFC 9562, 5.7): the first 48 bits are milliseconds. */
export function madeAt(id: string): Date {
  return new Date(parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
}

/** 256 random bits in base64url: 43 characters. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url');
}

/** What is kept of a random token. A plain SHA-256 is enough: the token has too many bits to be guessed. */
export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

/** Six decimal digits, uniform. */
export function randomCode(): string {
  return randomInt(0, 1_000_000).toString().padStart(6, '0');
}
