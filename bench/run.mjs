// Compiles the bench beside the built application (`npm run build` first) in a folder of its own, and runs it.
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { transformFileSync } from '@swc/core';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'roster-bench-'));
// Started by root, PostgreSQL runs as another user, who must be able to pass.
chmodSync(folder, 0o755);
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
symlinkSync(join(root, 'dist', 'src'), join(folder, 'src'));
const { sourceMaps, module, jsc } = JSON.parse(readFileSync(join(root, '.swcrc'), 'utf8'));
for (const file of globSync('bench/**/*.ts', { cwd: root })) {
  const compiled = join(folder, file.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(compiled), { recursive: true });
  const { code } = transformFileSync(join(root, file), {
    swcrc: false,
    sourceMaps: sourceMaps && 'inline',
    module,
    jsc,
  });
  writeFileSync(compiled, code);
}
const { bench } = await import(join(folder, 'bench', 'bench.js'));
await bench(root, folder, process.argv.slice(2));
