import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';

import type { TestApp } from '../harness/app.js';

export interface WireAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

/** Opens a port of the application. */
export async function portOf(app: TestApp): Promise<number> {
  await app.app.fastify.listen({ host: '127.0.0.1', port: 0 });
  return (app.app.fastify.server.address() as AddressInfo).port;
}

/** A request as text: its lines, an empty one, its body. `Connection: close` ends the answer. */
export function request(line: string, headers: readonly string[] = [], body = ''): string {
  return [line, 'Host: localhost', 'Connection: close', ...headers, '', body].join('\r\n');
}

/** An answer that has no end, as far as its beginning: whoever reads it leaves then. */
export const BEGINNING_OF_STREAM = /^HTTP[^]*\r\ncontent-type: text\/event-stream[^]*?\r\n\r\n./i;

/** Writes bytes on a socket, one part after another, and reads the first answer until the server closes, or a stream begins. */
export function wire(port: number, ...parts: readonly (string | Buffer)[]): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received += chunk;
      if (BEGINNING_OF_STREAM.test(received)) socket.destroy();
    });
    // A server that refuses what it has not read resets the connection; what it said is there by then.
    socket.on('error', (error) => (received ? undefined : reject(error)));
    socket.on('close', () => resolve(parse(received)));
    for (const part of parts) socket.write(part);
  });
}

function parse(received: string): WireAnswer {
  const [head = '', ...rest] = received.split('\r\n\r\n');
  const [line = '', ...fields] = head.split('\r\n');
  const headers = new Map(
    fields.map((field) => [field.split(':')[0]!.toLowerCase(), field.slice(field.indexOf(':') + 1).trim()]),
  );
  return { status: Number(line.split(' ')[1]), headers, text: rest.join('\r\n\r\n') };
}
