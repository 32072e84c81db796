import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { BEGINNING_OF_STREAM } from '../../contract/wire.js';

export interface Exchanged {
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  readonly milliseconds: number;
  /** Afterwards the same connection, or a new one if the server closed it, answered a probe. */
  readonly usable: boolean;
}

const PROBE = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/** Writes bytes on a connection of its own, reads one answer, and then asks on the same one whether all is well. */
export async function exchange(
  port: number,
  parts: readonly (Buffer | string)[],
  { head = false, leaves = false, patience = 30_000 } = {},
): Promise<Exchanged> {
  const started = performance.now();
  const connection = new Connection(port, patience);
  for (const part of parts) connection.write(part);
  if (leaves) {
    await connection.leave();
    return { status: 0, headers: new Map(), text: '', milliseconds: 0, usable: await lives(port, patience) };
  }
  const answer = await connection.answer(head);
  const milliseconds = performance.now() - started;
  const goesOn = answer.status !== 0 && answer.headers.get('connection') !== 'close' && !connection.closed;
  let usable: boolean;
  if (goesOn) {
    connection.write(PROBE);
    // Bytes that were left over of the attack may be what is answered first; a connection that is closed then is closed in order.
    usable = (await connection.answer(false)).status > 0 || (await lives(port, patience));
  } else usable = await lives(port, patience);
  connection.end();
  return { ...answer, milliseconds, usable };
}

async function lives(port: number, patience: number): Promise<boolean> {
  const connection = new Connection(port, patience);
  connection.write(PROBE);
  const { status } = await connection.answer(false);
  connection.end();
  return status === 200;
}

type Answer = Pick<Exchanged, 'status' | 'headers' | 'text'>;
const NOTHING: Answer = { status: 0, headers: new Map(), text: '' };

class Connection {
  closed = false;
  private received = Buffer.alloc(0);
  private readonly socket: Socket;
  private wake: () => void = () => undefined;

  constructor(port: number, patience: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setTimeout(patience, () => this.socket.destroy());
    this.socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    // A server that refuses what it has not read resets the connection; what it said is there by then.
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
  }

  write(part: Buffer | string): void {
    this.socket.write(part);
  }

  end(): void {
    this.socket.destroy();
  }

  async leave(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 20));
    this.socket.destroy();
  }

  /** The next whole answer; interim ones (1xx) are passed over. @param head it has no body, whatever it says */
  async answer(head: boolean): Promise<Answer> {
    for (;;) {
      const found = this.take(head);
      if (found && found.status >= 200) return found;
      if (found) continue;
      if (this.closed) return this.rest();
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  private take(head: boolean): Answer | null {
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const { status, headers } = headOf(this.received.subarray(0, end).toString('latin1'));
    if (!head && BEGINNING_OF_STREAM.test(this.received.toString('latin1'))) return this.leaveStream();
    const body = bodyAt(this.received, end + 4, headers, head || status < 200 || status === 204 || status === 304);
    if (!body) return null;
    this.received = this.received.subarray(body.end);
    return { status, headers, text: body.text };
  }

  private leaveStream(): Answer {
    this.closed = true;
    this.socket.destroy();
    return this.rest();
  }

  /** An answer whose end is the end of the connection. */
  private rest(): Answer {
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return NOTHING;
    const { status, headers } = headOf(this.received.subarray(0, end).toString('latin1'));
    const text = this.received.subarray(end + 4).toString('utf8');
    this.received = Buffer.alloc(0);
    return { status, headers, text };
  }
}

function headOf(text: string): { status: number; headers: Map<string, string> } {
  const [line = '', ...fields] = text.split('\r\n');
  const headers = new Map(
    fields.map((field) => [field.split(':')[0]!.toLowerCase(), field.slice(field.indexOf(':') + 1).trim()]),
  );
  return { status: Number(line.split(' ')[1]), headers };
}

function bodyAt(
  bytes: Buffer,
  start: number,
  headers: ReadonlyMap<string, string>,
  none: boolean,
): { text: string; end: number } | null {
  if (none) return { text: '', end: start };
  const length = headers.get('content-length');
  if (length !== undefined) {
    const end = start + Number(length);
    return bytes.length < end ? null : { text: bytes.subarray(start, end).toString('utf8'), end };
  }
  if (headers.get('transfer-encoding') !== 'chunked') return null;
  const end = bytes.indexOf('0\r\n\r\n', start);
  return end < 0 ? null : { text: bytes.subarray(start, end).toString('utf8'), end: end + 5 };
}
