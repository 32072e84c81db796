import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** `personal` is a person's own; `service` was made by an administrator, for a program. */
export const KEY_KINDS = ['personal', 'service'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/** Letters and digits only: a double click marks the whole of it, and no URL or shell reads it otherwise. */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const MARKS: Readonly<Record<KeyKind, string>> = { personal: 'roster_pat_', service: 'roster_key_' };
/** 62^43 is more than 2^256. */
const RANDOM_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const SHOWN = 4;

const FORM = /^roster_(?:pat|key)_[0-9A-Za-z]{43}_([0-9A-Za-z]{6})$/;

/**
 * A new secret: a mark that secret scanners look for, 256 random bits, and a checksum by which a typo, or a text that
 * only looks like a key, is told without asking anybody.
 */
export function newKeySecret(kind: KeyKind): string {
  const body = `${MARKS[kind]}${randomText(RANDOM_LENGTH)}`;
  return `${body}_${checksumOf(body)}`;
}

/** Whether the text is a key as we make them, its checksum included. */
export function isKeySecret(text: string): boolean {
  const checksum = FORM.exec(text)?.[1];
  return checksum !== undefined && checksum === checksumOf(text.slice(0, -CHECKSUM_LENGTH - 1));
}

/** What is shown of a secret afterwards, so that people know which it is. */
export function prefixOf(secret: string): string {
  return secret.slice(0, MARKS.personal.length + SHOWN);
}

/** Each character is as likely as any other: bytes beyond the last whole multiple of the alphabet are thrown away. */
function randomText(length: number): string {
  const fair = 256 - (256 % ALPHABET.length);
  let text = '';
  while (text.length < length)
    for (const byte of randomBytes(length))
      if (byte < fair && text.length < length) text += ALPHABET[byte % ALPHABET.length];
  return text;
}

function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place += 1) {
    text = `${ALPHABET[rest % ALPHABET.length]}${text}`;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}
