import pg from 'pg';

const general = pg.types.getTypeParser(1184) as (text: string) => Date | number;
const two = (text: string, at: number): number => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;

/** A timestamptz: `2026-11-21 01:13:49.123456+00` as a server in UTC writes it by arithmetic, any other by pg's own parser. */
export function moment(text: string): Date | number {
  const { length } = text;
  if (length < 22 || length > 29 || text.charCodeAt(4) !== 45 || text.charCodeAt(0) === 48 || !text.endsWith('+00'))
    return general(text);
  let fraction = 0;
  if (length > 22) {
    const digits = text.slice(20, Math.min(23, length - 3));
    fraction = Number(digits) * 10 ** (3 - digits.length);
  }
  return new Date(
    Date.UTC(
      two(text, 0) * 100 + two(text, 2),
      two(text, 5) - 1,
      two(text, 8),
      two(text, 11),
      two(text, 14),
      two(text, 17),
      fraction,
    ),
  );
}
