import { normalEmail, normalText } from './email.js';

describe('normalEmail', () => {
  it.each([
    ['Ada@Example.COM', 'ada@example.com'],
    ['  ada@example.com ', 'ada@example.com'],
    ['ne\u0301e@example.com', 'n\u00e9e@example.com'],
    ['ada@BÜCHER.example', 'ada@xn--bcher-kva.example'],
    ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
  ])('makes %s into %s', (given, normal) => {
    expect(normalEmail(given)).toBe(normal);
  });

  it.each([
    ['m\u0131ke@example.com', 'mike@example.com'],
    ['\uff4dike@example.com', 'mike@example.com'],
  ])('keeps the look-alike %s apart from %s', (lookAlike, plain) => {
    expect(normalEmail(lookAlike)).not.toBe(normalEmail(plain));
  });
});

describe('normalText', () => {
  it('ignores case and composition', () => {
    expect(normalText(' E\u0301milie ')).toBe('\u00e9milie');
  });
});
