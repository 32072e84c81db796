import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import { dataSchemaOf, eventTypes } from '../../src/platform/contract/event.js';
import { permissions } from '../../src/platform/contract/permission.js';
import { problems } from '../../src/platform/contract/problem.js';

const FOLDER = new URL('../../docs/reference/', import.meta.url);
const NOTE = 'Generated: `UPDATE_REFERENCE=1 npm test -- --testPathPatterns test/contract/document` writes it anew.';

/** What is committed under docs/reference; with UPDATE_REFERENCE=1 it becomes what it should be. */
export function committed(name: string, present: string): string {
  const file = new URL(name, FOLDER);
  if (process.env['UPDATE_REFERENCE'] === '1') {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(file, present);
  }
  return readFileSync(file, 'utf8');
}

const byName = <T>(table: ReadonlyMap<string, T>): T[] =>
  [...table].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
/** What the tests define for themselves is no promise. */
const isPromise = (name: string): boolean => !name.startsWith('test');

export function problemsPage(): string {
  const sections = byName(problems)
    .filter(({ code }) => isPromise(code))
    .map(
      ({ code, status, title, cause, mend }) =>
        `## ${code}\n\n**${status}** ${title}\n\nCause: ${cause}\n\nMend: ${mend}\n`,
    );
  return [
    `# Problems\n\nEvery failure, by its \`code\` (RFC 9457); a running server explains them at \`/problems\`. ${NOTE}\n`,
    ...sections,
  ].join('\n');
}

export function permissionsPage(): string {
  const rows = byName(permissions)
    .filter(({ name }) => isPromise(name))
    .map(({ name, about }) => `| \`${name}\` | ${about} |`);
  return `# Permissions\n\nRoles give them; the role \`admin\` holds each. ${NOTE}\n\n| permission | allows |\n|---|---|\n${rows.join('\n')}\n`;
}

export function eventsPage(): string {
  const sections = byName(eventTypes)
    .filter(({ type }) => isPromise(type))
    .map((event) => {
      const schema = JSON.stringify(dataSchemaOf(event), null, 2);
      return `## ${event.type}\n\n${event.about}\n\n\`\`\`json\n${schema}\n\`\`\`\n`;
    });
  return [
    `# Events\n\nEvery kind of fact, by its \`type\`, with the JSON Schema of its \`data\`. ${NOTE}\n`,
    ...sections,
  ].join('\n');
}
