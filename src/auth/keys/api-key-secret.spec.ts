import { KEY_KINDS, isKeySecret, newKeySecret, prefixOf } from './api-key-secret.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const COUNT = 10_000;
const LENGTH = 'roster_pat_'.length + 43 + 1 + 6;

describe('the secret of a key', () => {
  it('S23 has 256 random bits: of 10,000 none is twice there, all are as long, and no character is preferred', () => {
    const secrets = Array.from({ length: COUNT }, () => newKeySecret('personal'));
    expect(new Set(secrets).size).toBe(COUNT);
    expect(new Set(secrets.map(({ length }) => length))).toEqual(new Set([LENGTH]));
    const bodies = secrets.map((secret) => secret.slice('roster_pat_'.length, -7));
    expect(43 * Math.log2(ALPHABET.length)).toBeGreaterThanOrEqual(256);
    for (const text of [
      bodies.join(''),
      bodies.map((body) => body[0]).join(''),
      bodies.map((body) => body[42]).join(''),
    ])
      // 61 degrees of freedom: beyond 130 once in a million runs.
      expect(chiSquare(text)).toBeLessThan(130);
  });

  it('says of which kind it is, to people and to secret scanners', () => {
    expect(newKeySecret('personal')).toMatch(/^roster_pat_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
    expect(newKeySecret('service')).toMatch(/^roster_key_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
  });

  it('shows four characters of 43 afterwards', () => {
    const secret = newKeySecret('service');
    expect(prefixOf(secret)).toBe(secret.slice(0, 15));
  });

  it('is told from a typo without asking anybody: any one character, and any two neighbours', () => {
    for (const kind of KEY_KINDS) {
      const secret = newKeySecret(kind);
      expect(isKeySecret(secret)).toBe(true);
      for (let place = 0; place < secret.length; place += 1) {
        const other = secret[place] === 'x' ? 'y' : 'x';
        expect(isKeySecret(`${secret.slice(0, place)}${other}${secret.slice(place + 1)}`)).toBe(false);
        const swapped = `${secret.slice(0, place)}${secret[place + 1] ?? ''}${secret[place]}${secret.slice(place + 2)}`;
        expect(isKeySecret(swapped)).toBe(swapped === secret);
      }
    }
  });

  it.each([
    '',
    'roster_pat_',
    `roster_pat_${'a'.repeat(43)}_000000`,
    `${newKeySecret('personal')}\n`,
    ` ${newKeySecret('service')}`,
  ])('is not %j', (text) => {
    expect(isKeySecret(text)).toBe(false);
  });
});

/** How far the characters of a text are from being equally frequent. */
function chiSquare(text: string): number {
  const expected = text.length / ALPHABET.length;
  const counts = new Map([...ALPHABET].map((character) => [character, 0]));
  for (const character of text) counts.set(character, counts.get(character)! + 1);
  return [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
