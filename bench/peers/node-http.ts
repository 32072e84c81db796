import { createPublicKey, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import jwt from 'jsonwebtoken';
import { Pool } from 'pg';

import { CREATE, FIND, LIST } from './columns.js';

const key = createPublicKey(process.env['JWT_PUBLIC_KEY']!);
const checks: jwt.VerifyOptions = {
  algorithms: ['ES256'],
  issuer: process.env['JWT_ISSUER']!,
  audience: process.env['JWT_AUDIENCE']!,
};
const pool = new Pool({ connectionString: process.env['DATABASE_URL']!, max: 10 });
const USERS = '/api/v1/users';

async function answer(request: IncomingMessage): Promise<[status: number, body: unknown]> {
  const url = new URL(request.url!, 'http://localhost');
  if (url.pathname === '/hello') return [200, { hello: 'world' }];
  try {
    jwt.verify(request.headers.authorization?.slice('Bearer '.length) ?? '', key, checks);
  } catch {
    // Whatever is wrong with a token, its bearer hears no more than this.
    return [401, { message: 'Unauthorized' }];
  }
  if (request.method === 'POST') {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const { email, name } = JSON.parse(text) as { email: string; name: string };
    const { rows } = await pool.query<object>({ name: 'create', text: CREATE, values: [randomUUID(), email, name] });
    return [201, rows[0]];
  }
  if (url.pathname === USERS) {
    const values = [Number(url.searchParams.get('limit') ?? 20)];
    return [200, { data: (await pool.query<object>({ name: 'list', text: LIST, values })).rows }];
  }
  const id = url.pathname.slice(USERS.length + 1);
  const { rows } = await pool.query<object>({ name: 'find', text: FIND, values: [id] });
  return rows[0] ? [200, rows[0]] : [404, { message: 'Not Found' }];
}

const server = createServer((request, response) => {
  void answer(request).then(([status, body]) => {
    const text = JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ ready: true, urls: { api: `http://127.0.0.1:${port}` } }));
});
