/** Adds a promise to its table; a duplicate is a mistake that must stop the start. */
export function register<T>(kind: string, table: Map<string, T>, name: string, value: T): void {
  if (table.has(name)) throw new Error(`The ${kind} "${name}" is defined twice`);
  table.set(name, value);
}
