import { compileFilter } from '../platform/http/lists/compile.js';
import type { Attributes } from '../platform/http/lists/compile.js';
import { parseFilter } from '../platform/http/lists/filter.js';
import type { Filter, FilterTest } from '../platform/http/lists/filter.js';
import { momentText } from '../platform/http/lists/moment.js';
import type { RecordedFact } from './fact.js';

export const EVENT_ATTRIBUTES: Attributes = {
  type: { sql: 'e.type', type: 'string', operators: ['eq', 'ne', 'sw'] },
  subject: { sql: 'e.subject', type: 'string', operators: ['eq', 'ne', 'sw', 'pr'] },
  time: { sql: 'e.occurred_at', type: 'moment', operators: ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] },
};
export const EVENT_FILTERS = Object.keys(EVENT_ATTRIBUTES);

type Filtered = Pick<RecordedFact, 'type' | 'subject' | 'occurredAt'>;

/** Whether a fact is among those that a filter of the list would show, for facts that are in memory already. @throws ListQueryInvalid */
export function eventFilter(text: string | undefined): (fact: Filtered) => boolean {
  if (text === undefined) return () => true;
  // Names, operators and values are checked where the list has them checked.
  compileFilter(text, EVENT_ATTRIBUTES, 1);
  return compiled(parseFilter(text));
}

function compiled(filter: Filter): (fact: Filtered) => boolean {
  if (filter.kind === 'test') return tested(filter);
  if (filter.kind === 'not') {
    const inner = compiled(filter.filter);
    return (fact) => !inner(fact);
  }
  const inner = filter.filters.map(compiled);
  return filter.kind === 'and'
    ? (fact) => inner.every((each) => each(fact))
    : (fact) => inner.some((each) => each(fact));
}

/** What is absent is like nothing, but for `ne`, as in the list. */
function tested({ attribute, operator, value }: FilterTest): (fact: Filtered) => boolean {
  const of = VALUES[attribute.toLowerCase()]!;
  const wanted = attribute.toLowerCase() === 'time' ? millisOf(String(value)) : value;
  if (operator === 'pr') return (fact) => of(fact) !== null;
  if (operator === 'ne') return (fact) => of(fact) !== wanted;
  const compare = COMPARE[operator as keyof typeof COMPARE];
  return (fact) => {
    const held = of(fact);
    return operator === 'eq' ? held === wanted : held !== null && compare(held, wanted!);
  };
}

const VALUES: Readonly<Record<string, (fact: Filtered) => string | number | null>> = {
  type: ({ type }) => type,
  subject: ({ subject }) => subject,
  time: ({ occurredAt }) => occurredAt.getTime(),
};
type Value = string | number | boolean;
const COMPARE = {
  eq: (held: Value, wanted: Value) => held === wanted,
  sw: (held: Value, wanted: Value) => String(held).startsWith(String(wanted)),
  gt: (held: Value, wanted: Value) => held > wanted,
  ge: (held: Value, wanted: Value) => held >= wanted,
  lt: (held: Value, wanted: Value) => held < wanted,
  le: (held: Value, wanted: Value) => held <= wanted,
};

/** Facts have milliseconds; a filter may name fractions of them. */
function millisOf(text: string): number {
  const [, whole, fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(momentText(text)!)!;
  return Date.parse(`${whole}Z`) + Number(`0.${fraction || '0'}`) * 1000;
}
