import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What somebody sent to a receiver. */
export interface Received {
  readonly at: number;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly raw: string;
  readonly event: { readonly id: string; readonly type: string; readonly subject?: string; readonly data: object };
}

export type Manner = (response: ServerResponse, received: Received, request: IncomingMessage) => void;

export const takes: Manner = (response) => void response.writeHead(204).end();

/** Takes the call and never answers. */
export const silent: Manner = () => undefined;

/** Says a byte of its answer at a time, and never comes to its end. */
export const drips: Manner = (response) => {
  response.socket?.write('HTTP/1.1 200 OK\r\n');
  const timer = setInterval(() => response.socket?.write('x'), 100);
  response.socket?.once('close', () => clearInterval(timer));
};

export const says =
  (status: number, headers: Record<string, string> = {}, body = ''): Manner =>
  (response) =>
    void response.writeHead(status, headers).end(body);

/** A server of somebody else's, on loopback. */
export class Receiver {
  readonly received: Received[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(public manner: Manner) {
    this.server = createServer((request, response) => void this.take(request, response));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket)).on('error', () => undefined);
    });
  }

  static async open(manner: Manner = takes, port = 0): Promise<Receiver> {
    const receiver = new Receiver(manner);
    receiver.server.listen(port, '127.0.0.1');
    await once(receiver.server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** Waits until so many came, or so many of which this is true. */
  async awaitCount(count: number, are: (received: Received) => boolean = () => true): Promise<Received[]> {
    for (const since = performance.now(); ; await pause(5)) {
      const found = this.received.filter(are);
      if (found.length >= count) return found;
      if (performance.now() - since > 30_000) throw new Error(`${found.length} of ${count} came`);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return;
    }
    const raw = Buffer.concat(chunks).toString();
    const { method = '', url = '', headers } = request;
    const event = JSON.parse(raw) as Received['event'];
    const received = { at: performance.now(), method, url, headers, raw, event };
    this.received.push(received);
    this.manner(response, received, request);
  }
}
