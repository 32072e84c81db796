import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { connect } from '@nats-io/transport-node';

import { hearEvents } from './events.ts';
import { Greeter } from './greeter.ts';
import { Ledger } from './ledger.ts';
import { Roster } from './roster.ts';
import { readSettings } from './settings.ts';

const { natsUrl, rosterKey, ledgerFile, port } = readSettings(process.env);
const { protocol, host, username, password } = new URL(natsUrl);
const connection = await connect({
  servers: [host],
  name: 'greeting-ledger',
  ...(protocol === 'tls:' ? { tls: {} } : {}),
  ...(password ? { user: username, pass: password } : username ? { token: username } : {}),
  // NATS may be away at the start, and at any time later.
  waitOnFirstConnect: true,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 500,
});

const ledger = new Ledger(ledgerFile);
const greeter = new Greeter(ledger, new Roster(connection, rosterKey));

const server = createServer((request, response) => {
  const found = request.method === 'GET' && request.url === '/greetings';
  response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(found ? { greetings: ledger.all() } : { error: 'There is only GET /greetings' }));
}).listen(port, '127.0.0.1');
await once(server, 'listening');
console.log(JSON.stringify({ ready: true, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopping.abort());
await hearEvents(connection, (event) => greeter.hear(event), stopping.signal);
await connection.drain();
server.close();
ledger.close();
