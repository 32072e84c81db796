import { ManagementServer } from '../../src/health/index.js';
import type { TestApp } from '../harness/app.js';

export interface Told<T> {
  readonly status: number;
  /** The media type, without parameters. */
  readonly type: string;
  readonly headers: Headers;
  readonly text: string;
  readonly body: T;
}

export type Ask = <T = Record<string, unknown>>(
  method: string,
  path: string,
  options?: { body?: unknown; headers?: Record<string, string> },
) => Promise<Told<T>>;

/** Opens the management port of an application on any free one of loopback; asks what is asked of it. */
export async function openManagement(app: TestApp): Promise<{ ask: Ask; port: number }> {
  const port = await app.get(ManagementServer).listen(0, '127.0.0.1');
  const ask: Ask = async (method, path, { body, headers = {} } = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const type = (answer.headers.get('content-type') ?? '').split(';')[0]!;
    const json = type.includes('json') && text !== '';
    return {
      status: answer.status,
      type,
      headers: answer.headers,
      text,
      body: (json ? JSON.parse(text) : null) as never,
    };
  };
  return { ask, port };
}

export async function closeManagement(app: TestApp): Promise<void> {
  await app.get(ManagementServer).close();
}
