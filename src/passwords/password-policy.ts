/**
 * Which passwords are refused: NIST SP 800-63B-4, section 3.1.1.2. Length and a blocklist, no rules of composition.
 *
 * The blocklist is a dictionary and an estimator (zxcvbn): a list alone does not know `password12345678`.
 * Its dictionaries take 30 MB, so they are loaded at the first check, in the worker thread that runs it
 * (see password-worker.ts for what a file that runs there may contain).
 */
import { createRequire } from 'node:module';
import type { MatchEstimated, ZxcvbnFactory, ZxcvbnResult } from '@zxcvbn-ts/core';

export type PasswordFaultCode =
  'password_too_short' | 'password_too_long' | 'password_common' | 'password_guessable' | 'password_contains_identity';

/** Why a password is refused: a stable code, and a sentence for its owner. */
export interface PasswordFault {
  code: PasswordFaultCode;
  message: string;
}

/** What is known of the owner; none of it may be the password. */
export interface PasswordContext {
  email?: string;
  username?: string;
  name?: string;
}

export const MAX_PASSWORD_LENGTH = 256;

const PRODUCT = 'roster';

// Guesses that a password must withstand, as log10; lower where a shorter minimum is set, or no random password of that
// length would pass. 10^12 are a thousand years of one core at 30 ms a hash. Tried: of 210 built from common parts six
// pass (`thequickbrownfox` and such: the dictionaries hold words, not sentences). Of random ones, 1,000 a kind, are
// refused: 15 letters, letters and digits or any other script none, four diceware words none (run together 0.2 %),
// 15 hexadecimal digits 0.4 %, 15 decimal digits 15 %, for they hold dates and runs.
const MAX_REQUIRED_MAGNITUDE = 12;
const MIN_REQUIRED_MAGNITUDE = 6;

// The estimator's time grows faster than the text: it sees one window of it.
const WINDOW = 64;
const WINDOW_STEP = 16;
const IDENTITY_WORDS = 24;

/**
 * The form in which passwords are counted, hashed and compared: NFKC.
 *
 * 800-63B names NFKC and NFKD: with either, what keyboards of different systems make of the same keys is the same
 * password (composed or not, full-width or not), which NFC does not give. The two join the same texts; NFKD would
 * count `é` as two characters and a Hangul syllable as three, NFKC counts what people see.
 */
export function normalizePassword(text: string): string {
  return text.normalize('NFKC');
}

/** The policy as a worker's task: the fault of `password`, or null. Typically 10 ms of its thread, hostile texts 200. */
export function checkPassword(task: {
  minLength: number;
  password: string;
  context: PasswordContext;
}): PasswordFault | null {
  return new PasswordPolicy(task.minLength).check(task.password, task.context);
}

export class PasswordPolicy {
  private readonly minLength: number;

  /** `minLength` in Unicode code points, after normalisation. */
  constructor(minLength: number) {
    this.minLength = minLength;
  }

  /** The first fault found, or null when the password may be used. */
  check(password: string, context: PasswordContext): PasswordFault | null {
    const text = normalizePassword(password);
    const length = [...text].length;
    if (length < this.minLength) return fault('password_too_short', `Use at least ${this.minLength} characters.`);
    if (length > MAX_PASSWORD_LENGTH) {
      return fault('password_too_long', `Use at most ${MAX_PASSWORD_LENGTH} characters.`);
    }
    if (blocklist().common.has(text.toLowerCase())) {
      return fault('password_common', 'This is one of the most used passwords. Choose another.');
    }
    return this.checkGuesses(text, identityWords(context));
  }

  private checkGuesses(text: string, words: string[]): PasswordFault | null {
    const identity = fault('password_contains_identity', 'Do not build it from your name, address or our name.');
    if (isIdentityAndDigits(text, words)) return identity;
    const required = Math.min(Math.max(this.minLength - 3, MIN_REQUIRED_MAGNITUDE), MAX_REQUIRED_MAGNITUDE);
    const weakest = weakestReading(richestWindow(text), words);
    // Written so that a NaN from the estimator refuses.
    if (weakest.magnitude >= required) return null;
    if (weakest.usesIdentity) return identity;
    return fault('password_guessable', 'It is built from common words, dates or key patterns. Use unrelated words.');
  }
}

function fault(code: PasswordFaultCode, message: string): PasswordFault {
  return { code, message };
}

interface Blocklist {
  common: Set<string>;
  estimator: ZxcvbnFactory;
}

let loaded: Blocklist | undefined;

function blocklist(): Blocklist {
  return (loaded ??= load());
}

function load(): Blocklist {
  const require = createRequire(import.meta.url);
  const { ZxcvbnFactory: Estimator } = require('@zxcvbn-ts/core') as typeof import('@zxcvbn-ts/core');
  const { dictionary, adjacencyGraphs } =
    require('@zxcvbn-ts/language-common') as typeof import('@zxcvbn-ts/language-common');
  return {
    common: new Set(dictionary['passwords-common']),
    // Readings of `p@$$w0rd` are tried up to this number; at the default of 100 hostile texts take three times as long.
    estimator: new Estimator({
      dictionary: { ...dictionary, seasons: seasonsWithYear() },
      graphs: adjacencyGraphs,
      l33tMaxSubstitutions: 20,
    }),
  };
}

/** `summer2024` and its like: what people make of an order to change their password every three months. */
function seasonsWithYear(): string[] {
  const seasons = 'spring summer autumn fall winter january february march april may june july august'.split(' ');
  seasons.push('september', 'october', 'november', 'december');
  const years = Array.from({ length: 50 }, (_, index) => 1990 + index);
  return seasons.flatMap((season) => years.map((year) => `${season}${year}`));
}

interface Reading {
  /** log10 of the number of guesses */
  magnitude: number;
  usesIdentity: boolean;
}

/** The text as it stands and as it reads without its disguise, whichever is found sooner. */
function weakestReading(text: string, words: string[]): Reading {
  const asTyped = reading(blocklist().estimator.check(text, words), 0);
  const { plain, magnitude } = undisguised(text);
  if (plain === text) return asTyped;
  const asMeant = reading(blocklist().estimator.check(plain, words), magnitude);
  return asMeant.magnitude < asTyped.magnitude ? asMeant : asTyped;
}

/**
 * The guesses for each part, times the orders the parts can have. The estimator's own sum adds 10^4 for each part
 * beyond the first, so that any four parts would pass, `monkeydragonmasterqwerty` too.
 */
function reading({ sequence }: ZxcvbnResult, extra: number): Reading {
  const parts = sequence as MatchEstimated[];
  const magnitude = parts.reduce((sum, part, at) => sum + part.guessesLog10 + Math.log10(at + 1), extra);
  return { magnitude, usesIdentity: parts.some((part) => part.dictionaryName === 'userInputs') };
}

/**
 * Undoes what people do to a common password, and what it costs an attacker to try that, as log10: 1 for the idea,
 * and 2 for each different separator that was taken out.
 */
function undisguised(text: string): { plain: string; magnitude: number } {
  const folded = fold(text);
  // Runs (`aabbccddee`) are undone only where they are the pattern: `password` itself has a double letter.
  const single = folded.replace(/(.)\1+/gu, '$1');
  const plain = withoutEchoes(single.length * 3 <= folded.length * 2 ? single : folded);
  const separators = new Set(unshifted(text).match(SEPARATORS) ?? []);
  return { plain, magnitude: 1 + 2 * separators.size };
}

// Space and punctuation; not symbols at large, for emoji are content.
const SEPARATORS = /[-_+=`~[\]{}|\\;:'",.<>/?\p{P}\p{Z}]/gu;
const SHIFTED_DIGITS = ')!@#$%^&*(';
const RUSSIAN_KEYS = 'йцукенгшщзхъфывапролджэячсмитьбюё';
const LATIN_KEYS = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`";

/** Lower case, the digits under `!@#`, no separators, no accents, and Russian letters as the Latin ones on their keys. */
function fold(text: string): string {
  return unshifted(text)
    .toLowerCase()
    .replace(SEPARATORS, '')
    .replace(/[а-яё]/g, (letter) => LATIN_KEYS[RUSSIAN_KEYS.indexOf(letter)] ?? letter)
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC');
}

function unshifted(text: string): string {
  return text.replace(/[)!@#$%^&*(]/g, (key) => String(SHIFTED_DIGITS.indexOf(key)));
}

/** `changeme123changeme` as `changeme123`: a part of four or more that comes again is taken out. */
function withoutEchoes(text: string): string {
  let rest = text;
  for (;;) {
    const next = rest.replace(/(.{4,})(.*?)\1/su, '$1$2');
    if (next === rest) return rest;
    rest = next;
  }
}

/** Words of the owner and of the product, as they are and folded, the longest first; their number is bounded. */
function identityWords({ email = '', username = '', name = '' }: PasswordContext): string[] {
  const local = email.slice(0, email.lastIndexOf('@') + 1).slice(0, -1);
  const wholes = [PRODUCT, email, local, username, name].filter((word) => word.length >= 3);
  const parts = [email, username, name].flatMap((word) => word.split(/[^\p{L}\p{M}\p{N}]+/u));
  const words = [...wholes, ...parts.filter((word) => word.length >= 4)]
    .map((word) => normalizePassword(word.slice(0, WINDOW)).toLowerCase())
    .slice(0, IDENTITY_WORDS);
  const distinct = new Set([...words, ...words.map(fold)]);
  return [...distinct].filter((word) => word.length >= 3 && /\p{L}/u.test(word)).sort((a, b) => b.length - a.length);
}

/** However many digits follow it, a name is the half that an attacker starts from. */
function isIdentityAndDigits(text: string, words: string[]): boolean {
  const folded = fold(text);
  const rest = words.reduce((left, word) => left.replaceAll(word, ''), folded);
  return rest !== folded && /^\d*$/.test(rest);
}

/**
 * The stretch of a long text that has the most different pairs of characters: the whole is at least as hard to guess
 * as its hardest part, so that a long password is not refused for its beginning.
 */
function richestWindow(text: string): string {
  const points = [...text];
  let best: string[] = [];
  let mostPairs = -1;
  for (let start = 0; start === 0 || start + WINDOW < points.length + WINDOW_STEP; start += WINDOW_STEP) {
    const window = points.slice(start, start + WINDOW);
    const pairs = new Set(window.map((point, at) => point + (window[at + 1] ?? ''))).size;
    if (pairs > mostPairs) [best, mostPairs] = [window, pairs];
  }
  return best.join('');
}
