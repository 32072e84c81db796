import { domainToASCII } from 'node:url';

/**
 * The form in which addresses are compared: NFC, trimmed, lower case, the domain in ASCII (RFC 5891). Made here and
 * kept in a column, so that the application and the database can never disagree about it. A text without "@" stays
 * without one, and so is nobody's address.
 */
export function normalEmail(address: string): string {
  const text = foldCase(address.trim());
  const at = text.lastIndexOf('@');
  if (at < 0) return text;
  const domain = text.slice(at + 1);
  return `${text.slice(0, at)}@${domainToASCII(domain) || domain}`;
}

/** User names are compared without regard to case, composition, and the width or style of their letters. */
export function normalUsername(text: string): string {
  return text.normalize('NFKC').trim().toLowerCase().normalize('NFKC');
}

/**
 * Names are sorted and searched without regard to case and composition. Not NFKC: it makes one letter into eighteen,
 * and a key has to fit into a cursor and into a page of an index.
 */
export function normalName(text: string): string {
  return foldCase(text.trim());
}

/** A part of an address or of a name, as it stands in their normal forms: its spaces are part of what is looked for. */
export function foldCase(text: string): string {
  // Twice: some capitals have no composed form where their small letters have one (J\u030c, \u01f0).
  return text.normalize('NFC').toLowerCase().normalize('NFC');
}
