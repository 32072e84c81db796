import type { FastifyRequest } from 'fastify';

import { clientAddress, prefixOf } from './client-address.js';

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
