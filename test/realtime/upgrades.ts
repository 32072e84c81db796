import { once } from 'node:events';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

const ASK = '/realtime/?EIO=4&transport=websocket';
const WANTED = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': Buffer.alloc(16).toString('base64'),
};

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: { code?: string } | null;
}

/** Asks for a socket as a browser does; a value of '' leaves the header out. @returns the answer in place of a socket */
export async function refusedUpgrade(url: string, headers: Record<string, string> = {}, path = ASK): Promise<Answered> {
  const asked = ask(url, headers, path);
  const { promise: welcome, reject } = Promise.withResolvers<never>();
  asked.once('upgrade', (_answer, socket: Socket) => {
    socket.destroy();
    reject(new Error('It became a socket'));
  });
  const [answer] = (await Promise.race([once(asked, 'response'), welcome])) as [IncomingMessage];
  let text = '';
  for await (const part of answer.setEncoding('utf8')) text += part;
  asked.destroy();
  return {
    status: answer.statusCode!,
    headers: answer.headers,
    body: text === '' ? null : (JSON.parse(text) as object),
  };
}

/** A WebSocket of which only the frames are missing. */
export async function rawSocket(url: string, headers: Record<string, string> = {}): Promise<Socket> {
  const [, socket] = (await once(ask(url, headers, ASK), 'upgrade')) as [IncomingMessage, Socket];
  socket.on('error', () => socket.destroy());
  return socket;
}

function ask(url: string, headers: Record<string, string>, path: string): ClientRequest {
  const given = Object.entries({ ...WANTED, ...headers }).filter(([, value]) => value !== '');
  const asked = request(new URL(path, url), { headers: Object.fromEntries(given) });
  asked.end();
  return asked;
}

/** A masked text frame (RFC 6455, 5.2), as short or as long as it has to be. */
export function frame(text: string): Buffer {
  const bytes = Buffer.from(text);
  const long = bytes.length > 65_535;
  const size = bytes.length < 126 ? 0 : long ? 8 : 2;
  const head = Buffer.alloc(2 + size + 4);
  head[0] = 0x81;
  head[1] = 0x80 | (size === 0 ? bytes.length : long ? 127 : 126);
  if (size === 2) head.writeUInt16BE(bytes.length, 2);
  if (size === 8) head.writeBigUInt64BE(BigInt(bytes.length), 2);
  // A mask of zeros changes nothing.
  return Buffer.concat([head, bytes]);
}

/** A masked ping of WebSocket (RFC 6455, 5.5.2). */
export function pingFrame(content: string): Buffer {
  const bytes = frame(content);
  bytes[0] = 0x89;
  return bytes;
}

/** Reads until these words came. @returns everything until then */
export async function heard(socket: Socket, words: string): Promise<string> {
  let text = '';
  while (!text.includes(words)) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    text += bytes.toString('latin1');
  }
  return text;
}
