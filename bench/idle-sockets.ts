import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** Opened at the same time. */
const AT_ONCE = 50;

/**
 * Clients that only stay: what they cost is the server's. The protocols of WebSocket (RFC 6455), Engine.IO 4 and
 * Socket.IO 5 as far as somebody needs them who shows a token and answers pings; a client of socket.io would need more
 * memory than the server does.
 */
export class IdleSockets {
  private readonly sockets: Socket[] = [];

  constructor(
    private readonly port: number,
    private readonly tokens: readonly string[],
  ) {}

  get size(): number {
    return this.sockets.filter(({ destroyed }) => !destroyed).length;
  }

  async open(count: number): Promise<void> {
    const until = this.sockets.length + count;
    const worker = async (): Promise<void> => {
      while (this.sockets.length < until) {
        const socket = connect(this.port, '127.0.0.1');
        const token = this.tokens[this.sockets.push(socket) % this.tokens.length]!;
        await admitted(socket, token);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  close(): void {
    for (const socket of this.sockets.splice(0)) socket.destroy();
  }
}

async function admitted(socket: Socket, token: string): Promise<void> {
  await once(socket, 'connect');
  const key = Buffer.alloc(16).toString('base64');
  socket.write(
    'GET /realtime/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n' +
      `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('A socket was closed before it was let in')));
    read(socket, (text) => {
      if (text.startsWith('0')) socket.write(frame(`40${JSON.stringify({ token })}`));
      else if (text === '2') socket.write(frame('3'));
      else if (text.startsWith('40')) resolve();
      else if (text.startsWith('44')) reject(new Error(text));
    });
  });
}

/** Each text that comes, whole. */
function read(socket: Socket, take: (text: string) => void): void {
  let upgraded = false;
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    if (!upgraded) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      upgraded = true;
      rest = rest.subarray(end + 4);
    }
    for (let length = lengthOf(rest); length !== null && rest.length >= length.whole; length = lengthOf(rest)) {
      take(rest.toString('utf8', length.head, length.whole));
      rest = rest.subarray(length.whole);
    }
    // What is left is seldom more than nothing, but a part of a buffer keeps the whole of it.
    rest = rest.length === 0 ? Buffer.alloc(0) : Buffer.from(rest);
  });
}

function lengthOf(bytes: Buffer): { head: number; whole: number } | null {
  if (bytes.length < 2) return null;
  const short = bytes[1]! & 0x7f;
  if (short < 126) return { head: 2, whole: 2 + short };
  if (bytes.length < 4) return null;
  return { head: 4, whole: 4 + bytes.readUInt16BE(2) };
}

/** Under a mask of zeros, which changes nothing. */
function frame(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(bytes.length < 126 ? 6 : 8);
  head[0] = 0x81;
  head[1] = 0x80 | Math.min(bytes.length, 126);
  if (bytes.length >= 126) head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}
