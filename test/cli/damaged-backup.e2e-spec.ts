import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

import { jest } from '@jest/globals';

import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { TestApp } from '../harness/app.js';
import { ask, asSuperuser, freshDatabase } from '../harness/database.js';
import { onDatabase } from '../harness/process.js';
import { Folder, command, hasTables, refusal } from './backup-drill.js';

// Each command is a process of its own, on a machine that may be busy.
jest.setTimeout(180_000);

describe('a file that is not what was written', () => {
  const folder = new Folder();
  const file = folder.at('roster.backup');
  let target: DatabaseAddress;

  const backUp = (to: string, from: DatabaseAddress): Promise<unknown> =>
    command(onDatabase(from), 'backup', to, '--logical');

  beforeAll(async () => {
    const source = await freshDatabase('backup_whole');
    const app = await TestApp.start({ database: source });
    await app.people.admin();
    await app.stop();
    await backUp(file, source);
    target = await freshDatabase('backup_damaged', { empty: true });
  });
  afterAll(() => folder.remove());

  const flipped = (at: number): Buffer => {
    const bytes = readFileSync(file);
    bytes[at < 0 ? bytes.length + at : at]! ^= 1;
    return bytes;
  };
  const lines = (): string[] => gunzipSync(readFileSync(file)).toString('utf8').split('\n');
  /** Packed as we do: whoever changes it takes care. */
  const zipped = (text: string): Buffer => {
    const bytes = gzipSync(text);
    bytes[9] = 0xff;
    return bytes;
  };
  const packed = (text: string[]): Buffer => zipped(text.join('\n'));
  const changed = (line: RegExp, from: string, to: string): Buffer =>
    packed(lines().map((text) => (line.test(text) ? text.replace(from, to) : text)));

  it.each<[string, () => Buffer, RegExp]>([
    [
      'a byte changed',
      () => flipped(statSync(file).size >> 1),
      /cut, or its bytes were changed|not those that were written|no JSON/,
    ],
    ...[0, 3, 6, 9, 10].map((at): [string, () => Buffer, RegExp] => [
      `byte ${at} of its head changed`,
      () => flipped(at),
      /first bytes were changed|no backup of Roster|cut, or its bytes were changed|not those|no JSON/,
    ]),
    ['its last byte changed', () => flipped(-1), /cut, or its bytes were changed/],
    ['its last byte cut off', () => readFileSync(file).subarray(0, -1), /cut/],
    ['all but its head cut off', () => readFileSync(file).subarray(0, 10), /cut/],
    ['nothing in it', () => Buffer.alloc(0), /no backup of Roster/],
    ['another behind it', () => Buffer.concat([readFileSync(file), readFileSync(file)]), /something follows its end/],
    ['its end cut off', () => readFileSync(file).subarray(0, -5), /cut/],
    ['half of it cut off', () => readFileSync(file).subarray(0, statSync(file).size >> 1), /cut/],
    ['its last line taken away', () => packed([...lines().slice(0, -2), '']), /its end is missing/],
    ['a value changed', () => changed(/^\["[0-9a-f-]{36}","[^"]+@/, '@', '@x'), /rows of roster\.\w+ are not those/],
    [
      'a row taken away',
      () => packed(lines().filter((text, at, all) => !(text[0] === '[' && all[at - 1]![0] === '{'))),
      /are not those/,
    ],
    ['a sequence changed', () => changed(/events_seq/, '"value":"', '"value":"9'), /lines are not those/],
    ['another format', () => changed(/roster-backup/, '"format":1', '"format":2'), /format is 2/],
    ['another text in it', () => zipped('{"kind":"table"}\n'), /no backup of Roster/],
    ['nothing of a backup in it', () => Buffer.from('DROP TABLE users'), /no backup of Roster/],
  ])('is refused with %s, and nothing is written', async (_, bytes, why) => {
    const damaged = folder.at('damaged.backup');
    writeFileSync(damaged, bytes());
    expect(await refusal(onDatabase(target), 'restore', damaged)).toMatch(why);
    expect(await hasTables(asSuperuser(target))).toBe(false);
  });

  it('is refused when a newer version made it', async () => {
    const later = await freshDatabase('backup_later');
    await ask(
      asSuperuser(later),
      "INSERT INTO roster.migrations (timestamp, name) VALUES (9999999999999, 'Later9999999999999')",
    );
    await backUp(folder.at('later.backup'), later);
    expect(await refusal(onDatabase(target), 'restore', folder.at('later.backup'))).toMatch(
      /newer version.*Later9999999999999/,
    );
    expect(await hasTables(asSuperuser(target))).toBe(false);
  });
});
