import { ListQueryInvalid } from './list-query-invalid.js';

/**
 * Reads `fields=id,email`; null, all of them, where it was not given. `id` is always among them.
 * @throws ListQueryInvalid `fields_invalid` for a name that is not in the allow-list, naming it.
 */
export function parseFields(text: string | undefined, allowed: readonly string[]): ReadonlySet<string> | null {
  if (text === undefined) return null;
  const names = text.split(',');
  if (names.every((name) => allowed.includes(name))) return new Set(['id', ...names]);
  const detail = `The fields are not valid: names of members with commas between them; allowed are ${allowed.join(', ')}`;
  throw new ListQueryInvalid('fields', 'fields_invalid', detail, allowed);
}

/** The members that were asked for; all of them where nobody asked. */
export function onlyFields<T extends object>(row: T, fields: ReadonlySet<string> | null): T {
  return fields ? (Object.fromEntries(Object.entries(row).filter(([name]) => fields.has(name))) as T) : row;
}
