import pg from 'pg';

import { moment } from './moment.js';

const general = pg.types.getTypeParser(1184) as (text: string) => Date | number;

describe('moment', () => {
  it.each([
    '2026-11-21 01:13:49+00',
    '2026-11-21 01:13:49.1+00',
    '2026-11-21 01:13:49.123+00',
    '2026-11-21 01:13:49.123456+00',
    '2026-02-28 23:59:59.999999+00',
    '1969-12-31 23:59:59.5+00',
    '9999-12-31 23:59:59+00',
    '0099-01-01 00:00:00+00',
    '0044-03-15 00:00:00+00 BC',
    '12026-11-21 01:13:49+00',
    '2026-11-21 06:43:49.123456+05:30',
    'infinity',
    '-infinity',
  ])('reads %s as pg does', (text) => {
    expect(moment(text)).toEqual(general(text));
  });
});
