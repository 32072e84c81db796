import { given, jsonAt } from './format.js';
import type { Format, Members } from './format.js';

const WRITTEN = [
  ...['email', 'name', 'username', 'phone', 'locale', 'timezone', 'externalId', 'metadata', 'appMetadata'],
  ...['emailVerified', 'status', 'roles', 'passwordHash'],
];
/** What our own exports tell of users, and nobody can say of one. */
const ONLY_TOLD = ['id', 'suspension', 'createdAt', 'updatedAt', 'lastSignInAt', 'deletionDueAt', 'version'];
const KNOWN = new Set([...WRITTEN, ...ONLY_TOLD]);
const AS_JSON = ['metadata', 'appMetadata', 'roles'];
/** What our exports put before a cell that a spreadsheet would run. */
const GUARDED = /^'(?=[=+\-@\t\r])/;

/** Our own: the members of `POST /users`, and what `GET /users` shows. */
export const ROSTER: Format = {
  name: 'roster',
  hasColumns: (columns) => columns.includes('email') && columns.every((name) => KNOWN.has(name)),
  hasObject: (first) => 'email' in first,
  map: (row, { isTable }) => ({ user: given(written(row, isTable)), fallbackName: null }),
};

function written(row: Members, isTable: boolean): Members {
  const members = Object.entries(row).filter(([name]) => !ONLY_TOLD.includes(name));
  return Object.fromEntries(
    members.map(([name, value]) => [name, typeof value === 'string' ? ofText(row, name, isTable) : value]),
  );
}

/** Cells are texts, whatever they mean; and only they are guarded. */
function ofText(row: Members, name: string, isTable: boolean): unknown {
  const text = row[name] as string;
  if (AS_JSON.includes(name)) return jsonAt(row, name);
  if (name === 'emailVerified') return text === 'true' ? true : text === 'false' ? false : text;
  return isTable ? text.replace(GUARDED, '') : text;
}
