import { isIP } from 'node:net';

import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleDestroy } from '@nestjs/common';
import { createTransport } from 'nodemailer';
import type { NodemailerError, SMTPPoolOptions, SMTPPoolSentMessageInfo, Transporter } from 'nodemailer';

import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import type { MailServer, Mailbox } from '../platform/config/mail-server.js';
import { isEmailAddress } from '../platform/http/properties.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { CallRefused, CallTimedOut } from '../platform/outgoing/circuit.js';
import { Outgoing } from '../platform/outgoing/outgoing.js';
import type { OutgoingPolicy } from '../platform/outgoing/outgoing.js';
import { Indicators } from '../platform/telemetry/indicators.js';
import type { RenderedMail } from './template.js';

/** Connecting, the greeting, and each answer. Milliseconds. */
const PATIENCE = 5000;
/** All of a letter, also when the server says a byte at a time. */
const PATIENCE_IN_ALL = 20_000;
/** How long an absent server is left alone. */
const AWAY_FOR = 15_000;
/** Letters on their way at once, and how many may wait for a connection. */
const CONNECTIONS = 4;
const WAITING = 100;
/** What a letter in the hand may still take when the process stops. */
const LAST_LETTER = 2000;

/** The letter is still ours, and is tried again later. What the server said is not repeated: it may quote the address. */
class NotHandedIn extends Error {
  override readonly name = 'NotHandedIn';
}

/** Hands letters to the server of SMTP_URL. */
@Injectable()
export class SmtpClient implements OnModuleDestroy, OnApplicationShutdown {
  private readonly server: MailServer | null;
  private readonly stopping = new AbortController();
  private readonly calls: OutgoingPolicy;
  private pool: Transporter<SMTPPoolSentMessageInfo, SMTPPoolOptions> | null = null;
  private lastLetter: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly publicUrl: PublicUrl,
    outgoing: Outgoing,
    indicators: Indicators,
  ) {
    this.server = config.values.SMTP_URL;
    this.calls = outgoing.policy('mail', {
      timeout: PATIENCE_IN_ALL,
      // The job tries again, and survives a crash.
      retries: 0,
      breaker: { failures: 1, resetAfter: AWAY_FOR },
      concurrency: CONNECTIONS,
      queue: WAITING,
      isFailure: (error) => !isAboutLetter(error as NodemailerError),
    });
    if (!this.server || config.values.ROLE === 'api') return;
    indicators.register('mail', () =>
      this.calls.state() !== 'closed'
        ? { status: 'warn', output: 'The mail server is away: mail waits' }
        : { status: 'pass' },
    );
  }

  /** False if there is no server: then mail stays in the outbox. */
  get employed(): boolean {
    return this.server !== null;
  }

  /**
   * Hands in a letter; with the same id it is the same letter, whatever comes of an earlier try.
   * @returns null, or why this address will never get it
   * @throws NotHandedIn when it may go better later
   */
  async handIn(id: string, address: string, { subject, text, html }: RenderedMail): Promise<string | null> {
    // Our rules may have become stricter since it was stored; a parser that reads it otherwise mails a stranger.
    if (!isEmailAddress(address)) return 'not an address';
    const from = this.sender();
    try {
      await this.calls.execute((signal) =>
        this.transport().sendMail({
          from,
          to: { name: '', address },
          envelope: { from: { name: '', address: from.address }, to: [{ name: '', address }] },
          subject,
          text,
          html,
          messageId: `<${id}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`,
          date: this.clock.now(),
          // RFC 3834: no machine answers it, and no absence is told to it.
          headers: { 'Auto-Submitted': 'auto-generated' },
          signal: AbortSignal.any([this.stopping.signal, signal]),
        }),
      );
      return null;
    } catch (error) {
      return this.explain(error as NodemailerError | CallRefused | CallTimedOut);
    }
  }

  onModuleDestroy(): void {
    this.lastLetter = setTimeout(() => this.stopping.abort(), LAST_LETTER).unref();
  }

  onApplicationShutdown(): void {
    clearTimeout(this.lastLetter);
    this.pool?.close({ force: true });
  }

  private explain(error: NodemailerError | CallRefused | CallTimedOut): string {
    if (error instanceof CallRefused) throw new NotHandedIn('The mail server is away');
    if (error instanceof CallTimedOut) throw new NotHandedIn('The mail server took too long');
    const reply = /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3}\b)?/.exec(error.response ?? '')?.[0];
    if (reply && isAddressRefused(error, reply)) return reply;
    const what = [error.code, error.command && `at ${error.command}`, reply].filter(Boolean).join(' ');
    throw new NotHandedIn(`The mail server did not take a mail (${what})`);
  }

  /** A copy: nodemailer writes into what it is given. */
  private sender(): Mailbox {
    const { MAIL_FROM } = this.config.values;
    return MAIL_FROM ? { ...MAIL_FROM } : { name: 'Roster', address: `noreply@${domainOf(this.publicUrl.value)}` };
  }

  /** Made at the first letter: only then the public URL is known. */
  private transport(): Transporter<SMTPPoolSentMessageInfo, SMTPPoolOptions> {
    const { host, port, secure, auth } = this.server!;
    this.pool ??= createTransport({
      pool: true,
      host,
      port,
      secure,
      ...(auth && { auth: { ...auth } }),
      // A password goes over TLS or not at all: whoever sits between could take STARTTLS out of the greeting.
      requireTLS: auth !== null && !isLoopback(host),
      name: domainOf(this.publicUrl.value),
      maxConnections: CONNECTIONS,
      maxRequeues: 1,
      connectionTimeout: PATIENCE,
      greetingTimeout: PATIENCE,
      dnsTimeout: PATIENCE,
      socketTimeout: PATIENCE * 2,
      socketCloseTimeout: 1000,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    return this.pool;
  }
}

/** Only these two are about the letter; in all others nobody was there to take it, or would not have us. */
function isAboutLetter({ code }: NodemailerError): boolean {
  return code === 'EENVELOPE' || code === 'EMESSAGE';
}

/** 5.7 is about us (no relaying, a policy) and 530 about our credentials: the operator can mend them, so it is tried again. */
function isAddressRefused({ command, responseCode = 0 }: NodemailerError, reply: string): boolean {
  return command === 'RCPT TO' && responseCode >= 500 && responseCode !== 530 && !/ 5\.7\.|-5\.7\./.test(reply);
}

/** No mail server takes a bare number for a domain. */
function domainOf(url: string): string {
  const { hostname } = new URL(url);
  return isIP(hostname.replace(/^\[|\]$/g, '')) ? 'localhost' : hostname;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
