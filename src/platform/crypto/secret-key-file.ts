import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Its name in the data folder. */
export const generatedKeyFile = 'secret.key';

/**
 * The development secret: 32 bytes kept in `<dataDir>/secret.key` with mode 0600, made at the first start.
 * Two processes that start at once agree on one: the file appears whole, by link(2), or not at all.
 */
export function generatedSecretKey(dataDir: string): Buffer {
  const file = join(dataDir, generatedKeyFile);
  mkdirSync(dataDir, { recursive: true });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, randomBytes(32).toString('base64'), { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
  const key = Buffer.from(readFileSync(file, 'utf8'), 'base64');
  if (key.length !== 32)
    throw new Error(`${file} does not hold 32 bytes in base64: restore it, or remove it to lose what it sealed`);
  return key;
}
