import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { format, resolveConfig } from 'prettier';

/** Keeps what a bench found in `bench/results`, written as the format check wants it. */
export async function keep(root: string, name: string, text: string): Promise<void> {
  const folder = join(root, 'bench', 'results');
  const file = join(folder, name);
  mkdirSync(folder, { recursive: true });
  const kept = name.endsWith('.json') ? await format(text, { ...(await resolveConfig(file)), parser: 'json' }) : text;
  writeFileSync(file, kept);
}
