import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** The chain as it was at a moment: hash in hex, signature in base64url, moment as UTC with milliseconds. */
export interface Checkpoint {
  readonly seq: number;
  readonly hash: string;
  /** Which key signed it. */
  readonly kid: string;
  readonly signature: string;
  readonly createdAt: string;
}

/** Says that the entries up to a place were let go, and what has to follow it. */
export interface Retirement extends Checkpoint {
  /** When the checkpoint at that place was signed. */
  readonly signedAt: string;
}

/** Public keys by their kid. */
export type CheckpointKeys = ReadonlyMap<string, KeyObject>;

export interface CheckpointSigner {
  readonly kid: string;
  /** The 32 bytes of the public key in base64url. */
  readonly publicKey: string;
  sign(place: Omit<Checkpoint, 'kid' | 'signature'>): Checkpoint;
  retire(place: Omit<Retirement, 'kid' | 'signature'>): Retirement;
}

/** What comes before the 32 bytes of an Ed25519 key in DER (RFC 8410, 7 and 4). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const KEY = /^[\w-]{43}$/;

/** @param seed 32 bytes that nobody else knows */
export function checkpointSigner(seed: Buffer): CheckpointSigner {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const bytes = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  const kid = kidOf(bytes);
  return {
    kid,
    publicKey: bytes.toString('base64url'),
    sign: (place) => ({ ...place, kid, signature: sign(null, textOf(place), privateKey).toString('base64url') }),
    retire: (place) => ({
      ...place,
      kid,
      signature: sign(null, retirementOf(place), privateKey).toString('base64url'),
    }),
  };
}

/** Reads public keys as they are shown: 32 bytes in base64url. Null if one of them is something else. */
export function checkpointKeys(publicKeys: readonly string[]): CheckpointKeys | null {
  if (!publicKeys.every((text) => KEY.test(text))) return null;
  return new Map(
    publicKeys.map((text) => {
      const bytes = Buffer.from(text, 'base64url');
      return [kidOf(bytes), createPublicKey({ key: Buffer.concat([SPKI, bytes]), format: 'der', type: 'spki' })];
    }),
  );
}

export function isSignedBy(key: KeyObject, checkpoint: Checkpoint): boolean {
  return verify(null, textOf(checkpoint), key, Buffer.from(checkpoint.signature, 'base64url'));
}

export function isRetiredBy(key: KeyObject, retirement: Retirement): boolean {
  return verify(null, retirementOf(retirement), key, Buffer.from(retirement.signature, 'base64url'));
}

function kidOf(publicKey: Buffer): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 16);
}

/** What is signed. The first line says what it is, so that no signature can be taken for one of another kind. */
function textOf({ seq, hash, createdAt }: Omit<Checkpoint, 'kid' | 'signature'>): Buffer {
  return Buffer.from(`roster-audit-checkpoint/1\n${seq}\n${hash}\n${createdAt}\n`);
}

function retirementOf({ seq, hash, signedAt, createdAt }: Omit<Retirement, 'kid' | 'signature'>): Buffer {
  return Buffer.from(`roster-audit-retirement/1\n${seq}\n${hash}\n${signedAt}\n${createdAt}\n`);
}
