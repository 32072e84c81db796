import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import PostalMime from 'postal-mime';
import type { Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';

import type { TestApp } from '../harness/app.js';
import { freePort } from '../harness/free-port.js';

/** As long as a busy machine may need; whoever waits goes on at once. Milliseconds. */
const PATIENCE = 30_000;

/** A mail as it arrived: what the envelope said, what is in it, and how it went over the wire. */
export interface Arrived {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | null;
  readonly mail: Email;
  readonly raw: string;
}

interface Manners {
  /** Default any free one. */
  readonly port?: number;
  /** Only whoever says these may hand in. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** The reply to each address; null takes it. */
  readonly refuse?: (address: string) => { readonly code: number; readonly words: string } | null;
}

/** A real SMTP server on loopback. */
export class PostOffice {
  /** How often somebody tried a password. */
  signIns = 0;

  private constructor(
    private readonly server: SMTPServer,
    readonly arrived: readonly Arrived[],
  ) {}

  static async open({ port = 0, credentials, refuse = () => null }: Manners = {}): Promise<PostOffice> {
    const arrived: Arrived[] = [];
    const server = new SMTPServer({
      // Its certificate is nobody's: it offers no TLS.
      disabledCommands: credentials ? ['STARTTLS'] : ['STARTTLS', 'AUTH'],
      allowInsecureAuth: true,
      disableReverseLookup: true,
      closeTimeout: 100,
      onAuth({ username, password }, _session, answer) {
        office.signIns += 1;
        const right = username === credentials?.user && password === credentials?.password;
        answer(right ? null : new Error('Who are you?'), right ? { user: username } : undefined);
      },
      onRcptTo({ address }, _session, answer) {
        const refusal = refuse(address);
        answer(refusal && Object.assign(new Error(refusal.words), { responseCode: refusal.code }));
      },
      onData(stream, { envelope, user }, answer) {
        void read(stream).then(async (raw) => {
          const mail = await PostalMime.parse(raw);
          const from = envelope.mailFrom ? envelope.mailFrom.address : '';
          const to = envelope.rcptTo.map(({ address }) => address);
          arrived.push({ from, to, user: (user as string | undefined) ?? null, mail, raw: raw.toString('latin1') });
          answer(null);
        });
      },
    });
    const office = new PostOffice(server, arrived);
    server.on('error', () => undefined);
    server.listen(port, '127.0.0.1');
    await once(server.server, 'listening');
    return office;
  }

  get port(): number {
    return (this.server.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** Waits for the mails to this address, the oldest first. */
  async awaitFor(address: string, count = 1): Promise<Arrived[]> {
    for (const since = performance.now(); ; await pause(20)) {
      const mails = this.arrived.filter(({ to }) => to.includes(address));
      if (mails.length >= count) return mails;
      if (performance.now() - since > PATIENCE) throw new Error(`${address} got ${mails.length} mails`);
    }
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(resolve));
  }
}

async function read(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Somebody who takes every call and never says a word. */
export class SilentOffice {
  private readonly callers = new Set<Socket>();
  private readonly server = createServer((socket) => {
    this.callers.add(socket);
    socket.on('error', () => undefined);
  });

  static async open(): Promise<SilentOffice> {
    const office = new SilentOffice();
    office.server.listen(await freePort(), '127.0.0.1');
    await once(office.server, 'listening');
    return office;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Waits until somebody has called. */
  async awaitCall(): Promise<void> {
    while (this.callers.size === 0) await pause(10);
  }

  async close(): Promise<void> {
    for (const caller of this.callers) caller.destroy();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }
}

interface Waiting {
  readonly payload: { readonly id: string; readonly sealed: string };
  readonly attempts: number;
  readonly last_error: string | null;
}

const WAITING = `SELECT payload, attempts - spared AS attempts, last_error FROM roster.jobs
  WHERE name = 'mail.deliver' AND state IN ('queued', 'running', 'failed') ORDER BY created_at, id`;

/** The letters that are still owed. */
export function lettersOwed(app: TestApp): Promise<Waiting[]> {
  return app.sql<Waiting>(WAITING);
}

/** Waits until this many letters are owed, each after at least so many tries that failed. */
export async function awaitOwed(app: TestApp, count: number, failed = 0): Promise<Waiting[]> {
  for (const since = performance.now(); ; await pause(20)) {
    const owed = await lettersOwed(app);
    const tried = owed.every(({ attempts, last_error: error }) => attempts >= failed && (failed === 0 || error));
    if (owed.length === count && tried) return owed;
    if (performance.now() - since > PATIENCE) throw new Error(`Owed: ${JSON.stringify(owed)}`);
  }
}

/** Lets the time pass that a letter waits before its next try, and the one in which an absent server is left alone. */
export async function passTime(app: TestApp): Promise<void> {
  app.clock.advance(60_000);
  await app.sql("UPDATE roster.jobs SET run_at = now() WHERE state IN ('queued', 'failed')");
  await app.sql('UPDATE graphile_worker._private_jobs SET run_at = now() WHERE locked_at IS NULL');
}

/** Lets it pass again and again until this many letters are owed: one that was being tried does not hear of it. */
export async function passTimeUntilOwed(app: TestApp, count: number, failed = 0): Promise<void> {
  for (const since = performance.now(); ; await pause(200)) {
    const owed = await lettersOwed(app);
    if (owed.length === count && owed.every(({ attempts }) => attempts >= failed)) return;
    if (performance.now() - since > PATIENCE) throw new Error(`Owed: ${JSON.stringify(owed)}`);
    await passTime(app);
  }
}
