import { domainToASCII } from 'node:url';

/**
 * The form in which addresses are compared: NFC, trimmed, lower case, the domain in ASCII (RFC 5891). Made here and
 * kept in a column, so that the application and the database can never disagree about it.
 */
export function normalEmail(address: string): string {
  const text = address.normalize('NFC').trim().toLowerCase();
  const at = text.lastIndexOf('@');
  const domain = text.slice(at + 1);
  return `${text.slice(0, at)}@${domainToASCII(domain) || domain}`;
}

/** Names and user names are compared without regard to case, and to how their letters are composed. */
export function normalText(text: string): string {
  return text.normalize('NFKC').trim().toLowerCase();
}
