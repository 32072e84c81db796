import type { IncomingMessage } from 'node:http';

import { fastify } from 'fastify';
import type { FastifyRequest } from 'fastify';

import { readTrustedProxies } from '../config/network.js';
import { clientAddress, prefixOf, rawClientAddress, trustOf, trustsOf } from './client-address.js';

const requestFrom = (ip: string, remoteAddress = '10.0.0.9'): FastifyRequest =>
  ({ ip, socket: { remoteAddress } }) as unknown as FastifyRequest;

describe('the address of a client', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
  ])('%s is %s', (text, address) => {
    expect(clientAddress(requestFrom(text))).toBe(address);
  });

  it.each(['unknown', '', '_hidden', '192.0.2.300', "'; DROP TABLE users", '2001:db8::1::', 'a:b', '192.0.2.1:port'])(
    '"%s" is none: the proxy that passed it on counts',
    (text) => {
      expect(clientAddress(requestFrom(text))).toBe('10.0.0.9');
    },
  );

  it('is something also when the socket is gone', () => {
    const gone = { ip: undefined, socket: {} } as unknown as FastifyRequest;
    expect(clientAddress(gone)).toBe('0.0.0.0');
  });
});

describe('the address of a client that Fastify never sees', () => {
  const peers = ['10.0.0.9', '::ffff:10.0.0.9', '203.0.113.7', '127.0.0.1', '2001:db8::7', 'fe80::1'];
  const said = [
    undefined,
    '192.0.2.1',
    '192.0.2.1, 10.1.1.1',
    ' 198.51.100.1 ,192.0.2.1,10.0.0.3',
    'unknown, 10.0.0.3',
  ];

  it.each(['', '1', '2', '3', '10.0.0.0/8', '127.0.0.1,10.0.0.9', '2001:db8::/32,10.0.0.0/16'])(
    'is the same, where TRUST_PROXY is "%s"',
    async (text) => {
      const proxies = text === '' ? false : readTrustedProxies(text);
      const app = fastify({ trustProxy: trustOf(proxies) });
      app.get('/', (request) => clientAddress(request));
      for (const remoteAddress of peers)
        for (const forwarded of said) {
          const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
          const { payload } = await app.inject({ url: '/', remoteAddress, headers });
          const raw = { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
          const here = [remoteAddress, forwarded, rawClientAddress(raw, trustsOf(proxies))];
          expect(here).toEqual([remoteAddress, forwarded, payload]);
        }
      await app.close();
    },
  );
});

describe('what is counted together', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:2::ffff', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1:2:3::6:7:8', '1:2:3:0::/64'],
  ])('%s counts as %s', (address, prefix) => {
    expect(prefixOf(address)).toBe(prefix);
  });
});
