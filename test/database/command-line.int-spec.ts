import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

import { jest } from '@jest/globals';

import { migrationNames } from '../../ormconfig.js';
import { freshDatabase } from '../harness/database.js';

// Each command is a process of its own, on a machine that may be busy.
jest.setTimeout(180_000);

const CLI = createRequire(import.meta.url).resolve('typeorm/cli.js');
const SOURCE = 'dist/ormconfig.js';

/** Runs TypeORM's own command line on the built `ormconfig.js`. */
async function typeorm(command: string[], environment: Record<string, string>): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...command, '-d', SOURCE], {
    env: { PATH: process.env['PATH'], ...environment },
  });
  return stdout;
}

describe('the command line of TypeORM', () => {
  it('shows the migrations, and finds nothing to generate', async () => {
    const { ownerUrl, url } = await freshDatabase('command_line');
    const environment = { DATABASE_URL: url, DATABASE_MIGRATION_URL: ownerUrl };
    const shown = await typeorm(['migration:show'], environment);
    for (const name of migrationNames) expect(shown).toMatch(new RegExp(`\\[X\\] .*${name}`));
    expect(await typeorm(['schema:log'], environment)).toContain('up to date');
  });

  it('says what is missing when no database is named', async () => {
    await expect(typeorm(['migration:show'], {})).rejects.toMatchObject({
      stderr: expect.stringContaining('DATABASE_URL') as string,
    });
  });
});
