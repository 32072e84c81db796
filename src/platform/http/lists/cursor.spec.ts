import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { CursorCodec, cursorScope } from './cursor.js';
import type { CursorPosition } from './cursor.js';

const key = randomBytes(32);
const codec = new CursorCodec(key);
const scope = cursorScope('users', '-createdAt', undefined);
const position: CursorPosition = { scope, direction: 'next', value: '2026-01-01T00:00:00.123456Z', id: randomUUID() };
const refusal = expect.objectContaining({ parameter: 'cursor', code: 'cursor_invalid' });

/** Signs any payload, as one who has stolen the key would. */
function forged(payload: string | Buffer): string {
  const mac = createHmac('sha256', key).update(`1:${scope.length}:${scope}:`).update(payload).digest().subarray(0, 16);
  return Buffer.concat([Buffer.of(1), mac, Buffer.from(payload)]).toString('base64url');
}

describe('a cursor', () => {
  it.each<Partial<CursorPosition>>([{}, { direction: 'prev' }, { value: null }, { value: '' }, { value: 'Жо "\\ 😀' }])(
    'comes back as it was given: %j',
    (change) => {
      const text = codec.encode({ ...position, ...change });
      expect(text).toMatch(/^[\w-]+$/);
      expect(codec.decode(text, scope)).toEqual({ ...position, ...change });
    },
  );

  it('is refused under another list, sort, filter or key', () => {
    const text = codec.encode(position);
    const scopes = [cursorScope('roles', '-createdAt', undefined), cursorScope('users', 'createdAt', undefined)];
    for (const other of [
      ...scopes,
      cursorScope('users', '-createdAt', ''),
      cursorScope('users', '-createdAt', 'a pr'),
      '',
    ]) {
      expect(() => codec.decode(text, other)).toThrow(refusal);
    }
    expect(() => new CursorCodec(randomBytes(32)).decode(text, scope)).toThrow(refusal);
  });

  it('is refused when any one bit of it is turned', () => {
    const bytes = Buffer.from(codec.encode(position), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const turned = Buffer.from(bytes);
      turned[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => codec.decode(turned.toString('base64url'), scope)).toThrow(refusal);
    }
  });

  it('has one spelling', () => {
    const text = codec.encode(position);
    for (const other of [
      `${text}=`,
      ` ${text}`,
      `${text}\n`,
      `${text}A`,
      text.slice(0, -1),
      `${text.slice(0, 9)}!${text.slice(9)}`,
    ]) {
      expect(() => codec.decode(other, scope)).toThrow(refusal);
    }
  });

  it.each(['', 'A', 'AQ', '../../etc/passwd', "' OR 1=1 --", '\0', 'é', 'A'.repeat(4096), 'A'.repeat(1_000_000)])(
    'is not %.40j',
    (text) => {
      expect(() => codec.decode(text, scope)).toThrow(refusal);
    },
  );

  it('has the right shape even when signed with the stolen key', () => {
    expect(codec.decode(forged(JSON.stringify(['next', `' OR 1=1 --`, position.id])), scope).value).toBe(`' OR 1=1 --`);
    const { id } = position;
    const shapes = [
      ['up', 'a', id],
      ['next', 1, id],
      ['next', {}, id],
      ['next', 'a\0', id],
      ['next', '\ud800', id],
      [],
      {},
      null,
      1,
    ];
    const ids = ['1', id.toUpperCase(), `${id}' OR 1=1`, null, { id }].map((wrong) => ['next', 'a', wrong]);
    for (const shape of [...shapes, ...ids])
      expect(() => codec.decode(forged(JSON.stringify(shape)), scope)).toThrow(refusal);
    for (const bytes of ['', '{', Buffer.of(0xff, 0xfe)])
      expect(() => codec.decode(forged(bytes), scope)).toThrow(refusal);
  });

  it('is never given where it would not be taken back', () => {
    expect(() => codec.encode({ ...position, value: 'x'.repeat(4096) })).toThrow(RangeError);
    expect(() => new CursorCodec(randomBytes(31))).toThrow(RangeError);
  });
});
