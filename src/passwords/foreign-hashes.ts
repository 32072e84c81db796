/**
 * Password hashes that other systems made: read, bounded, and verified in a hashing thread. They come with imports, and
 * each is gone at the first sign-in, which makes one of ours.
 *
 * A thread loads this file as it stands, so it imports only packages and uses only erasable syntax (password-worker.ts).
 */
import { argon2Sync, createCipheriv, pbkdf2Sync, scryptSync, timingSafeEqual } from 'node:crypto';
import bcrypt from 'bcryptjs';

/** Whether a password is the one; blocks its thread for as long as the hash asks. */
type Check = (password: string) => boolean;

/** Kibibytes, passes over them, and lanes. */
interface Argon2Cost {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

type Digest = 'sha1' | 'sha256' | 'sha512';

interface Kind {
  readonly form: RegExp;
  /** Null for parameters that we would not spend. */
  readonly read: (parts: readonly string[]) => Check | null;
}

// What one text may cost, whoever sends the file: one to two seconds of a slow core, and a quarter of a gigabyte. What was
// typed is tried as it stands and in its normal form, which are two texts if they differ.
const MAX_BCRYPT_COST = 14;
/** Bytes of a block, and rounds over all blocks that a tag takes: about a second (measured), and what Keycloak asks for. */
const PBKDF2 = {
  sha1: { block: 20, most: 6_000_000 },
  sha256: { block: 32, most: 4_000_000 },
  sha512: { block: 64, most: 2_000_000 },
};
const MAX_MEMORY = 256 * 1024 * 1024;
const MAX_SCRYPT_WORK = 2 ** 22;
const MAX_ARGON2_PASSES = 16;
const MAX_ARGON2_LANES = 8;
/** Kibibytes that all passes go over. */
const MAX_ARGON2_WORK = 1024 * 1024;
const FIREBASE_KEY_BYTES = 32;

const SALT = '([A-Za-z0-9+/.]{1,171}={0,2})';
const TAG = '([A-Za-z0-9+/.]{22,171}={0,2})';

const KINDS: readonly Kind[] = [
  {
    form: new RegExp(`^\\$(argon2id|argon2i)\\$v=19\\$m=(\\d{1,7}),t=(\\d{1,3}),p=(\\d{1,3})\\$${SALT}\\$${TAG}$`),
    read: ([kind, memory, passes, lanes, salt, tag]) =>
      argon2(
        kind as 'argon2i',
        { memory: Number(memory), passes: Number(passes), parallelism: Number(lanes) },
        bytesOf(salt!),
        bytesOf(tag!),
      ),
  },
  {
    form: /^(\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53})$/,
    read: ([hash, cost]) =>
      within(Number(cost), 4, MAX_BCRYPT_COST) ? (password) => bcrypt.compareSync(password, hash!) : null,
  },
  {
    form: new RegExp(`^\\$scrypt\\$ln=(\\d{1,2}),r=(\\d{1,2}),p=(\\d{1,2})\\$${SALT}\\$${TAG}$`),
    read: ([ln, r, p, salt, tag]) => scrypt(Number(ln), Number(r), Number(p), bytesOf(salt!), bytesOf(tag!)),
  },
  {
    // Django keeps the salt as a text.
    form: /^pbkdf2_(sha1|sha256)\$(\d{1,9})\$([^$]{1,128})\$([A-Za-z0-9+/]{22,171}={0,2})$/,
    read: ([digest, rounds, salt, tag]) => pbkdf2(digest as Digest, Number(rounds), Buffer.from(salt!), bytesOf(tag!)),
  },
  {
    form: new RegExp(`^\\$pbkdf2-(sha1|sha256|sha512)\\$(?:i=)?(\\d{1,9})(?:,l=\\d{1,3})?\\$${SALT}\\$${TAG}$`),
    read: ([digest, rounds, salt, tag]) => pbkdf2(digest as Digest, Number(rounds), bytesOf(salt!), bytesOf(tag!)),
  },
  {
    form: /^\$firebase-scrypt\$([\w-]{1,512})\$m=(\d{1,2}),r=(\d{1,2}),s=([\w-]{0,64})\$([\w+/-]{0,171}={0,2})\$([\w+/-]{22,171}={0,2})$/,
    read: ([key, memory, rounds, separator, salt, tag]) =>
      firebase(
        bytesOf(key!),
        Number(memory),
        Number(rounds),
        Buffer.concat([bytesOf(salt!), bytesOf(separator!)]),
        bytesOf(tag!),
      ),
  },
];

/** Whether this is a hash of a kind that we know, at a cost that we would spend. */
export function isForeignHash(hash: string): boolean {
  return checkOf(hash) !== null;
}

/** Whether the hash was made from one of these texts. Throws when it cannot be read. */
export function verifyForeign({ hash, texts }: { hash: string; texts: readonly string[] }): boolean {
  const check = checkOf(hash);
  // The text is not quoted: this message goes to the log.
  if (!check) throw new Error('A stored password hash cannot be read');
  return texts.some(check);
}

function checkOf(hash: string): Check | null {
  for (const { form, read } of KINDS) {
    const found = form.exec(hash);
    if (found) return read(found.slice(1));
  }
  return null;
}

function argon2(kind: 'argon2i' | 'argon2id', cost: Argon2Cost, nonce: Buffer, tag: Buffer): Check | null {
  const { memory, passes, parallelism } = cost;
  const isBounded =
    within(parallelism, 1, MAX_ARGON2_LANES) &&
    within(passes, 1, MAX_ARGON2_PASSES) &&
    within(memory, 8 * parallelism, MAX_MEMORY / 1024) &&
    memory * passes <= MAX_ARGON2_WORK &&
    nonce.length >= 8;
  if (!isBounded) return null;
  return (password) =>
    isSame(argon2Sync(kind, { message: Buffer.from(password), nonce, tagLength: tag.length, ...cost }), tag);
}

function scrypt(ln: number, r: number, p: number, salt: Buffer, tag: Buffer): Check | null {
  if (!isBoundedScrypt(ln, r, p)) return null;
  return (password) => isSame(scryptSync(password, salt, tag.length, scryptCost(ln, r, p)), tag);
}

/** Firebase's own: what scrypt derives is the key under which the project's signer key is encrypted. */
function firebase(signerKey: Buffer, memory: number, rounds: number, salt: Buffer, tag: Buffer): Check | null {
  if (!isBoundedScrypt(memory, rounds, 1)) return null;
  return (password) => {
    const derived = scryptSync(password, salt, FIREBASE_KEY_BYTES, scryptCost(memory, rounds, 1));
    const cipher = createCipheriv('aes-256-ctr', derived, Buffer.alloc(16));
    return isSame(Buffer.concat([cipher.update(signerKey), cipher.final()]), tag);
  };
}

function pbkdf2(digest: Digest, rounds: number, salt: Buffer, tag: Buffer): Check | null {
  const { block, most } = PBKDF2[digest];
  if (!within(rounds * Math.ceil(tag.length / block), 1, most)) return null;
  return (password) => isSame(pbkdf2Sync(password, salt, rounds, tag.length, digest), tag);
}

function isBoundedScrypt(ln: number, r: number, p: number): boolean {
  return (
    within(r, 1, 32) &&
    // N < 2^(128 r / 8) (RFC 7914, 2): whatever is more, OpenSSL does not compute.
    within(ln, 1, Math.min(20, 16 * r - 1)) &&
    within(p, 1, 16) &&
    128 * 2 ** ln * r <= MAX_MEMORY &&
    2 ** ln * r * p <= MAX_SCRYPT_WORK
  );
}

function scryptCost(ln: number, r: number, p: number): { N: number; r: number; p: number; maxmem: number } {
  // Node counts more than the big array.
  return { N: 2 ** ln, r, p, maxmem: 2 * MAX_MEMORY };
}

function within(value: number, from: number, to: number): boolean {
  return Number.isInteger(value) && value >= from && value <= to;
}

/** Of any of the alphabets: of passlib, which writes a dot for a plus, and of URLs too. */
function bytesOf(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64');
}

function isSame(made: Buffer, kept: Buffer): boolean {
  return made.length === kept.length && timingSafeEqual(made, kept);
}
