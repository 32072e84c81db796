import { readMailServer, readMailbox } from './mail-server.js';

describe('SMTP_URL', () => {
  it.each([
    ['smtp://mail.example.com', { host: 'mail.example.com', port: 587, secure: false, auth: null }],
    ['smtps://mail.example.com/', { host: 'mail.example.com', port: 465, secure: true, auth: null }],
    ['smtp://127.0.0.1:2525', { host: '127.0.0.1', port: 2525, secure: false, auth: null }],
    ['smtp://[::1]:25', { host: '::1', port: 25, secure: false, auth: null }],
    [
      'smtps://ada%40example.com:p%2Fa%3As@mail.example.com:4650',
      { host: 'mail.example.com', port: 4650, secure: true, auth: { user: 'ada@example.com', pass: 'p/a:s' } },
    ],
  ])('reads %s', (text, server) => {
    expect(readMailServer(text)).toEqual(server);
  });

  it.each([
    ['another protocol', 'https://mail.example.com'],
    ['no host', 'smtp://'],
    ['a user without a password', 'smtp://ada@mail.example.com'],
    ['a password without a user', 'smtp://:secret@mail.example.com'],
    ['an option that nobody reads', 'smtp://mail.example.com?tls.rejectUnauthorized=false'],
    ['a path', 'smtp://mail.example.com/inbox'],
    ['a line break in the host', 'smtp://mail%0d%0aexample.com'],
    ['a percent sign that stands for nothing', 'smtp://ada:%zz@mail.example.com'],
    ['no URL', 'mail.example.com'],
  ])('refuses %s', (_, text) => {
    expect(() => readMailServer(text)).toThrow();
  });
});

describe('MAIL_FROM', () => {
  it.each([
    ['noreply@example.com', { name: '', address: 'noreply@example.com' }],
    ['Example Inc. <no-reply@mail.example.com>', { name: 'Example Inc.', address: 'no-reply@mail.example.com' }],
    ['Müller & Söhne <post@example.de>', { name: 'Müller & Söhne', address: 'post@example.de' }],
  ])('reads %s', (text, mailbox) => {
    expect(readMailbox(text)).toEqual(mailbox);
  });

  it.each([
    ['no address', 'Example'],
    ['two addresses', 'a@example.com, b@example.com'],
    ['two addresses in one', 'Example <a@example.com> <b@example.com>'],
    ['a comment', 'a@evil.example (c) .example.com'],
    ['a line break', 'Example\r\nBcc: eve@example.com <a@example.com>'],
    ['a quoted part', '"a@evil.example"@example.com'],
  ])('refuses %s', (_, text) => {
    expect(() => readMailbox(text)).toThrow();
  });
});
