import { request as requestHttp } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

import type { DeliveryError } from './webhook-delivery.entity.js';

/** A call as it goes out. */
export interface HttpCall {
  readonly url: URL;
  /** The only ones that are connected to, whatever the name means by then. */
  readonly addresses: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The beginning of it, as far as it comes within two seconds; nobody needs to wait for it. */
  readonly body: () => Promise<string>;
}

/** No answer came. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  constructor(readonly reason: DeliveryError) {
    super(reason);
  }
}

/** Bytes of an answer that are read; nothing after them is. */
const BODY_KEPT = 4096;
/** Connecting, TLS included, and the rest of a body whose status is known already. Milliseconds. */
const CONNECT_PATIENCE = 5000;
const BODY_PATIENCE = 2000;
const HEADERS_KEPT = 16_384;

/**
 * One POST on a connection of its own. Redirects are answers like others; no proxy of the environment is asked.
 * @throws NoAnswer
 */
export async function post({ url, addresses, headers, body, signal }: HttpCall): Promise<HttpAnswer> {
  const options: RequestOptions = {
    method: 'POST',
    headers: { ...headers, 'content-length': String(body.length) },
    agent: false,
    lookup: only(addresses),
    maxHeaderSize: HEADERS_KEPT,
    signal,
  };
  const request = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
  try {
    const answer = await answered(request, body);
    const rest = beginningOf(answer).finally(() => request.destroy());
    return { status: answer.statusCode!, headers: answer.headers, body: () => rest };
  } catch (error) {
    request.destroy();
    throw error;
  }
}

/** Answers with what was checked, whoever asks: the name is not looked up a second time. */
function only(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_name, { all }, tell) => {
    if (all) tell(null, found);
    else tell(null, found[0]!.address, found[0]!.family);
  };
}

function answered(request: ClientRequest, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const connecting = setTimeout(() => request.destroy(new NoAnswer('timed_out')), CONNECT_PATIENCE);
    request.once('socket', (socket) => {
      const ready = 'encrypted' in socket ? 'secureConnect' : 'connect';
      socket.once(ready, () => clearTimeout(connecting));
    });
    request.once('response', resolve);
    // What switches to another protocol answers nothing. Its socket is no longer the request's: nobody else would close it.
    request.once('upgrade', (_answer, socket) => {
      socket.destroy();
      reject(new NoAnswer('answer_invalid'));
    });
    // Also after the answer: an error that nobody hears would end the process.
    request.on('error', (error: NodeJS.ErrnoException) => reject(told(error)));
    request.once('close', () => {
      clearTimeout(connecting);
      reject(new NoAnswer('connection_failed'));
    });
    request.end(body);
  });
}

/** No message of an error: it may tell who is where in our networks. */
function told(error: NodeJS.ErrnoException): NoAnswer {
  if (error instanceof NoAnswer) return error;
  const code = error.code ?? '';
  if (code === 'ABORT_ERR' || code === 'ETIMEDOUT') return new NoAnswer('timed_out');
  if (/^HPE_/.test(code)) return new NoAnswer('answer_invalid');
  if (/TLS|CERT|SSL|SELF_SIGNED|UNABLE_TO|EPROTO/.test(code)) return new NoAnswer('tls_failed');
  return new NoAnswer('connection_failed');
}

/** The status has told already how it went: a body that breaks off or never ends changes nothing. */
async function beginningOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  const enough = setTimeout(() => answer.destroy(), BODY_PATIENCE);
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= BODY_KEPT) break;
    }
  } catch {
    // What came is kept.
  } finally {
    clearTimeout(enough);
  }
  // PostgreSQL's text holds no U+0000.
  return Buffer.concat(chunks).subarray(0, BODY_KEPT).toString('utf8').replaceAll('\0', '\uFFFD');
}
