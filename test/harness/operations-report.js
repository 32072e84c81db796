import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const DOCUMENT = new URL('../../docs/reference/openapi.json', import.meta.url);
const METHODS = ['get', 'put', 'post', 'delete', 'patch'];

/** A whole run has to have seen one good answer of every operation; a part of a run cannot. */
export function reportOperations(folder, { testPathPatterns, testNamePattern, onlyChanged }) {
  const patterns = testPathPatterns?.patterns ?? [];
  if (patterns.length > 0 || testNamePattern || onlyChanged) return;
  const seen = new Set(
    readdirSync(folder)
      .filter((name) => name.startsWith('operations-'))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n')),
  );
  const document = JSON.parse(readFileSync(DOCUMENT, 'utf8'));
  const all = Object.values(document.paths).flatMap((item) =>
    METHODS.flatMap((method) => (item[method] ? [item[method].operationId] : [])),
  );
  const missing = all.filter((operation) => !seen.has(operation));
  if (missing.length > 0) throw new Error(`No test saw a 2xx of: ${missing.join(', ')}`);
  process.stdout.write(`Every one of ${all.length} operations answered 2xx, and each answer matched the document\n`);
}
