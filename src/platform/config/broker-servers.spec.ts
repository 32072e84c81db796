import { readBrokerCredentials, readBrokerServers } from './broker-servers.js';

describe('NATS_URL', () => {
  it.each([
    ['nats://nats.example.com', { hosts: ['nats.example.com:4222'], secure: false, auth: null }],
    ['nats://[::1]:5222/', { hosts: ['[::1]:5222'], secure: false, auth: null }],
    ['tls://nats.example.com', { hosts: ['nats.example.com:4222'], secure: true, auth: null }],
    ['nats://a-token@127.0.0.1:4333', { hosts: ['127.0.0.1:4333'], secure: false, auth: { token: 'a-token' } }],
    [
      'tls://ro%40ster:p%2Fa%3As@one.example.com,tls://two.example.com:4223',
      {
        hosts: ['one.example.com:4222', 'two.example.com:4223'],
        secure: true,
        auth: { user: 'ro@ster', pass: 'p/a:s' },
      },
    ],
  ])('reads %s', (text, servers) => {
    expect(readBrokerServers(text)).toEqual(servers);
  });

  it.each([
    ['another protocol', 'http://nats.example.com'],
    ['no host', 'nats://'],
    ['two protocols', 'nats://one.example.com,tls://two.example.com'],
    ['two ways to sign in', 'nats://ada:one@one.example.com,nats://ada:two@two.example.com'],
    ['a password without a user', 'nats://:secret@nats.example.com'],
    ['an option that nobody reads', 'tls://nats.example.com?verify=false'],
    ['a path', 'nats://nats.example.com/events'],
    ['a line break in the host', 'nats://nats%0d%0aexample.com'],
    ['a comma too many', 'nats://nats.example.com,'],
    ['no URL', 'nats.example.com'],
  ])('refuses %s', (_, text) => {
    expect(() => readBrokerServers(text)).toThrow();
  });
});

describe('NATS_CREDS', () => {
  const jwt = '-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n------END NATS USER JWT------';
  const seed = '-----BEGIN USER NKEY SEED-----\nSUABC234\n------END USER NKEY SEED------';

  it('is the text of a credentials file', () => {
    const text = `${jwt}\n\n*** IMPORTANT ***\n\n${seed}\n`;
    expect(readBrokerCredentials(text)).toBe(text);
  });

  it.each([
    ['the name of a file', '/etc/nats/roster.creds'],
    ['a JWT without a seed', jwt],
    ['a seed without a JWT', seed],
  ])('is not %s', (_, text) => {
    expect(() => readBrokerCredentials(text)).toThrow();
  });
});
