/**
 * What a hashing thread computes: argon2id (RFC 9106) in PHC strings, `$argon2id$v=19$m=19456,t=2,p=1$salt$tag`.
 *
 * A worker thread loads this file as it stands: compiled from dist/, or the TypeScript itself under Jest, whose
 * transforms do not reach worker threads and where Node strips the types. Natively, `./x.js` does not resolve to
 * `x.ts`, so this file, and password-policy.ts beside it, import only packages and use only erasable syntax.
 */
import { argon2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/** Cost of one hash: `memory` in KiB, `passes` over it, `parallelism` in lanes. */
export interface Argon2Parameters {
  memory: number;
  passes: number;
  parallelism: number;
}

/** A PHC string in its parts. */
export interface PasswordHash {
  parameters: Argon2Parameters;
  salt: Buffer;
  tag: Buffer;
}

const SALT_BYTES = 16;
const TAG_BYTES = 32;

// A row from elsewhere must not be able to ask for gigabytes or minutes.
const MAX_MEMORY = 262_144;
const MAX_PASSES = 16;
const MAX_PARALLELISM = 8;

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** The PHC string of `password` under a new random salt. Blocks its thread for the whole computation. */
export function hashPassword(task: { password: string; parameters: Argon2Parameters }): string {
  const salt = randomBytes(SALT_BYTES);
  return formatHash({
    parameters: task.parameters,
    salt,
    tag: derive(task.password, salt, task.parameters, TAG_BYTES),
  });
}

/** Whether `phc` was made from `password`, compared in constant time. Throws when `phc` cannot be read. */
export function verifyPassword(task: { phc: string; password: string }): boolean {
  const { parameters, salt, tag } = parseHash(task.phc);
  return timingSafeEqual(derive(task.password, salt, parameters, tag.length), tag);
}

/** A hash that no password matches (its tag is random) and that takes as long to verify as a real one. */
export function dummyHash(parameters: Argon2Parameters): string {
  return formatHash({ parameters, salt: randomBytes(SALT_BYTES), tag: randomBytes(TAG_BYTES) });
}

/** Reads a PHC string. Throws when it is none, is not argon2id version 19, or asks for more than we would spend. */
export function parseHash(phc: string): PasswordHash {
  const [, memory, passes, parallelism, salt, tag] = PHC.exec(phc) ?? [];
  const parameters = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  // The text is not quoted: this message goes to the log.
  if (!salt || !tag || !withinBounds(parameters)) throw new Error('A stored password hash cannot be read');
  return { parameters, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') };
}

/** Whether `parseHash` can read it. */
export function isOwnHash(hash: string): boolean {
  try {
    parseHash(hash);
    return true;
  } catch {
    return false; // how parseHash says no
  }
}

/** Whether argon2 accepts these parameters and we would spend them (memory at most 256 MiB). */
export function withinBounds({ memory, passes, parallelism }: Argon2Parameters): boolean {
  return (
    within(parallelism, 1, MAX_PARALLELISM) &&
    within(passes, 1, MAX_PASSES) &&
    within(memory, 8 * parallelism, MAX_MEMORY)
  );
}

function within(value: number, from: number, to: number): boolean {
  return Number.isInteger(value) && value >= from && value <= to;
}

function derive(password: string, salt: Buffer, cost: Argon2Parameters, tagLength: number): Buffer {
  // All bytes of the text count: a Buffer has a length, so a NUL ends nothing.
  return argon2Sync('argon2id', { message: Buffer.from(password, 'utf8'), nonce: salt, tagLength, ...cost });
}

function formatHash({ parameters: { memory, passes, parallelism }, salt, tag }: PasswordHash): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
