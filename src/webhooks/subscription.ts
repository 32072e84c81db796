import { eventTypes } from '../platform/contract/event.js';
import { compileFilter } from '../platform/http/lists/compile.js';
import type { Attributes } from '../platform/http/lists/compile.js';
import { parseFilter } from '../platform/http/lists/filter.js';
import type { Filter, FilterTest } from '../platform/http/lists/filter.js';

/** What of a fact a webhook may be chosen by. */
export interface Told {
  readonly type: string;
  readonly subject: string | null;
}

export type Matcher = (told: Told) => boolean;

/** `user.created`, `user.*`, or `*`. */
export const EVENT_PATTERN = /^(?:\*|[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*(?:\.\*|\.[a-z0-9_]+))$/;

const TEXT = ['eq', 'ne', 'co', 'sw', 'ew'] as const;
const ATTRIBUTES: Attributes = {
  type: { sql: 'type', type: 'string', operators: TEXT },
  subject: { sql: 'subject', type: 'string', operators: [...TEXT, 'pr'] },
};

/** Whether a kind of fact that is promised is meant by the pattern. */
export function isKnownPattern(pattern: string): boolean {
  const matches = matcherOfTypes([pattern]);
  return [...eventTypes.keys()].some(matches);
}

export function matcherOfTypes(patterns: readonly string[]): (type: string) => boolean {
  if (patterns.includes('*')) return () => true;
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return (type) => exact.has(type) || prefixes.some((prefix) => type.startsWith(prefix));
}

/** @throws ListQueryInvalid for a filter that is not in the grammar, or names what a fact is not chosen by */
export function checkFilter(filter: string): void {
  compileFilter(filter, ATTRIBUTES, 1);
}

/** @param filter one that was checked */
export function matcherOf(patterns: readonly string[], filter: string | null): Matcher {
  const ofTypes = matcherOfTypes(patterns);
  if (filter === null) return ({ type }) => ofTypes(type);
  const tree = parseFilter(filter);
  return (told) => ofTypes(told.type) && holds(tree, told);
}

/** As the compiler to SQL has it: what is absent is unlike everything. */
function holds(filter: Filter, told: Told): boolean {
  if (filter.kind === 'test') return tests(filter, told);
  if (filter.kind === 'not') return !holds(filter.filter, told);
  const each = (other: Filter): boolean => holds(other, told);
  return filter.kind === 'and' ? filter.filters.every(each) : filter.filters.some(each);
}

function tests({ attribute, operator, value }: FilterTest, told: Told): boolean {
  const actual = attribute.toLowerCase() === 'type' ? told.type : told.subject;
  if (operator === 'pr') return actual !== null;
  if (operator === 'eq') return actual === value;
  if (operator === 'ne') return actual !== value;
  if (actual === null) return false;
  const text = String(value);
  if (operator === 'co') return actual.includes(text);
  return operator === 'sw' ? actual.startsWith(text) : actual.endsWith(text);
}
