import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

import { jest } from '@jest/globals';

import { ask, asSuperuser, freshDatabase } from '../harness/database.js';
import { onDatabase } from '../harness/process.js';
import { Folder, command, hasTables, refusal } from './backup-drill.js';

// Each command is a process of its own, on a machine that may be busy.
jest.setTimeout(180_000);

/** What may be wrong with a file is gone through in src/platform/database/backup/archive-file.spec.ts. */
describe('a file that is not to be restored', () => {
  const folder = new Folder();
  afterAll(() => folder.remove());

  it('is refused with a value changed, or when a newer version made it, and nothing is written', async () => {
    const source = await freshDatabase('backup_later');
    const LATER = "INSERT INTO roster.migrations (timestamp, name) VALUES (9999999999999, 'Later9999999999999')";
    await ask(asSuperuser(source), LATER);
    await ask(asSuperuser(source), "INSERT INTO roster.rate_limits (key, points) VALUES ('drill', 1)");
    const file = folder.at('later.backup');
    await command(onDatabase(source), 'backup', file, '--logical');
    const target = await freshDatabase('backup_damaged', { empty: true });
    expect(await refusal(onDatabase(target), 'restore', file)).toMatch(/newer version.*Later9999999999999/);

    const damaged = folder.at('damaged.backup');
    const bytes = gzipSync(gunzipSync(readFileSync(file)).toString().replace('["drill"', '["other"'));
    bytes[9] = 0xff;
    writeFileSync(damaged, bytes);
    expect(await refusal(onDatabase(target), 'restore', damaged)).toMatch(/rows of roster\.\w+ are not those/);
    expect(await hasTables(asSuperuser(target))).toBe(false);
  });
});
