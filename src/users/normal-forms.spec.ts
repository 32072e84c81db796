import { foldCase, normalEmail, normalName, normalUsername } from './normal-forms.js';

describe('normalEmail', () => {
  it.each([
    ['Ada@Example.COM', 'ada@example.com'],
    ['  ada@example.com ', 'ada@example.com'],
    ['ne\u0301e@example.com', 'n\u00e9e@example.com'],
    ['J\u030cane@example.com', '\u01f0ane@example.com'],
    ['ada@BÜCHER.example', 'ada@xn--bcher-kva.example'],
    ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
    ['mike@\u2179.com', 'mike@x.com'],
    ['"a@b"@example.com', '"a@b"@example.com'],
  ])('makes %s into %s, and leaves that as it is', (given, normal) => {
    expect(normalEmail(given)).toBe(normal);
    expect(normalEmail(normal)).toBe(normal);
  });

  it.each([
    ['m\u0131ke@example.com', 'mike@example.com'],
    ['\uff4dike@example.com', 'mike@example.com'],
  ])('keeps the look-alike %s apart from %s', (lookAlike, plain) => {
    expect(normalEmail(lookAlike)).not.toBe(normalEmail(plain));
  });

  it('makes no address of a user name', () => {
    expect(normalEmail('Ada')).toBe('ada');
  });
});

describe('normalUsername', () => {
  it.each([
    [' E\u0301milie ', '\u00e9milie'],
    ['\uff21\uff24\uff21', 'ada'],
    ['ADA', 'ada'],
  ])('makes %s into %s', (given, normal) => {
    expect(normalUsername(given)).toBe(normal);
  });
});

describe('normalName', () => {
  it('ignores case and composition', () => {
    expect(normalName('E\u0301milie ')).toBe('\u00e9milie');
  });

  it('does not grow beyond what a cursor and an index take', () => {
    expect(Buffer.byteLength(normalName('\ufdfa'.repeat(200)))).toBe(600);
  });
});

describe('foldCase', () => {
  it('keeps the spaces of a part of a name', () => {
    expect(foldCase('A Da ')).toBe('a da ');
  });
});
