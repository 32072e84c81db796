/** The server that takes our mail. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; otherwise STARTTLS where the server offers it. */
  readonly secure: boolean;
  readonly auth: { readonly user: string; readonly pass: string } | null;
}

/** A name and an address, as in the `From` of a mail. */
export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

/** It cannot be read. */
class NotInForm extends Error {}

const HOST = /^[0-9A-Za-z.:_-]{1,253}$/;
const SUBMISSION = { 'smtp:': 587, 'smtps:': 465 };

/** Nothing stands behind the port: an option that we do not know would be lost without a word. */
export function readMailServer(text: string): MailServer {
  const url = new URL(text);
  const usual = SUBMISSION[url.protocol as keyof typeof SUBMISSION];
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const bare = /^\/?$/.test(url.pathname) && url.search === '' && url.hash === '';
  if (!usual || !HOST.test(host) || !bare || !url.username !== !url.password) throw new NotInForm();
  const auth = url.username
    ? Object.freeze({ user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) })
    : null;
  return Object.freeze({ host, port: Number(url.port) || usual, secure: url.protocol === 'smtps:', auth });
}

const ADDRESS = "[\\w.!#$&'*+/=?^`{|}~-]{1,64}@[0-9A-Za-z.-]{1,253}";
const MAILBOX = new RegExp(`^(?:([^"<>(),:;@\\[\\]\\\\\\p{Cc}]{1,100})<(${ADDRESS})>|(${ADDRESS}))$`, 'u');

/** `Example <noreply@example.com>`, or the address alone. */
export function readMailbox(text: string): Mailbox {
  const [, name = '', named, alone] = MAILBOX.exec(text) ?? [];
  const address = named ?? alone;
  if (!address) throw new NotInForm();
  return Object.freeze({ name: name.trim(), address });
}
