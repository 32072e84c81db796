import { readOrigins, readQuota, readTrustedProxies } from './network.js';

describe('TRUST_PROXY', () => {
  it.each<[string, ReturnType<typeof readTrustedProxies>]>([
    ['1', 1],
    ['10', 10],
    ['10.0.0.0/8', ['10.0.0.0/8']],
    ['127.0.0.1, ::1', ['127.0.0.1', '::1']],
    ['fd00::/16,192.168.7.0/24', ['fd00::/16', '192.168.7.0/24']],
  ])('reads %s', (text, trusted) => {
    expect(readTrustedProxies(text)).toEqual(trusted);
  });

  it.each([
    ['the word that would trust everybody', 'true'],
    ['no hop at all', '0'],
    ['more hops than anybody has', '11'],
    ['every IPv4 address', '0.0.0.0/0'],
    ['half of them', '128.0.0.0/1'],
    ['every IPv6 address', '::/0'],
    ['the same by its other spelling', '0::0/0'],
    ['half of them', '8000::/1'],
    ['every IPv4 address as IPv6 (A17)', '::ffff:0:0/96'],
    ['the same by its other spelling', '::ffff:0.0.0.0/96'],
    ['a network that parsers take for everybody (A17)', '::ffff:10.0.0.0/8'],
    ['one IPv4 address as IPv6', '::ffff:10.0.0.1'],
    ['a wider one that holds them', '::/16'],
    ['a wider one beside them', '::ffff:0:0/80'],
    ['a name', 'loopback'],
    ['a host', 'proxy.example.com'],
    ['a netmask', '10.0.0.0/255.0.0.0'],
    ['a prefix that is too long', '10.0.0.1/33'],
    ['a zone', 'fe80::1%eth0'],
    ['an empty item', '10.0.0.1,,10.0.0.2'],
    ['one wrong item among right ones', '10.0.0.1, 0.0.0.0/0'],
  ])('refuses %s', (_, text) => {
    expect(() => readTrustedProxies(text)).toThrow();
  });
});

describe('CORS_ORIGINS', () => {
  it('reads a list, each item once', () => {
    expect(readOrigins('https://a.example, http://localhost:5173,https://a.example')).toEqual([
      'https://a.example',
      'http://localhost:5173',
    ]);
  });

  it.each([
    '*',
    'null',
    'https://*.example.com',
    'https://a.example/',
    'https://a.example/path',
    'https://A.example',
    'https://a.example:443',
    'a.example',
    'file:///etc',
    'https://user@a.example',
    'https://a.example,',
  ])('refuses %s', (text) => {
    expect(() => readOrigins(text)).toThrow();
  });
});

describe('a quota', () => {
  it.each([
    ['1/1s', { points: 1, seconds: 1 }],
    ['1000000000/3600s', { points: 1e9, seconds: 3600 }],
  ])('reads %s', (text, quota) => {
    expect(readQuota(text)).toEqual(quota);
  });

  it.each(['0/60s', '60', '60/60', '60/0s', '60/3601s', '1000000001/60s', '-1/60s', '60/1m', '6e3/60s', ' 60/60s'])(
    'refuses "%s"',
    (text) => {
      expect(() => readQuota(text)).toThrow();
    },
  );
});
