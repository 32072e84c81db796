import { parseFilter } from './filter.js';
import type { Comparison, Filter, FilterTest, FilterValue, Operator } from './filter.js';
import { ListQueryInvalid } from './list-query-invalid.js';
import { momentText } from './moment.js';

/** Adds a value to the statement's parameters and answers its place, `$3`. */
export type Bind = (value: unknown) => string;

/** An attribute that a list may be filtered by, and the operators it takes. */
export type Attribute = AttributeSource &
  (
    | { readonly type: 'string'; readonly operators: readonly Operator[] }
    | { readonly type: 'moment'; readonly operators: readonly Exclude<Operator, 'co' | 'sw' | 'ew'>[] }
    | { readonly type: 'boolean'; readonly operators: readonly ('eq' | 'ne' | 'pr')[] }
    | { readonly type: 'enum'; readonly operators: readonly ('eq' | 'ne' | 'pr')[]; readonly values: readonly string[] }
  );

interface AttributeSource {
  /** Trusted text (`u.email`): nothing of a client's ever joins it. A moment is a timestamptz, an enum text or an enum. */
  readonly sql: string;
  /** Brings a text value into the form that the column keeps. It must not throw; under `co`, `sw`, `ew` it sees a fragment. */
  readonly normalize?: (text: string, operator: Operator) => string;
  /** For what is no plain column (`roles eq "admin"`): a boolean SQL expression. The value is checked; a moment is UTC text. */
  readonly custom?: (operator: Operator, value: FilterValue, bind: Bind) => string;
}

/** By the names that clients use; RFC 7644 compares them without regard to case. */
export type Attributes = Readonly<Record<string, Attribute>>;

export interface CompiledFilter {
  /** A boolean expression in parentheses: text of ours, with every value of the client's as `$n`. */
  readonly sql: string;
  /** The values of `$firstParameter` and those that follow. */
  readonly parameters: unknown[];
  /** The attributes it tests, by their names in the allow-list. */
  readonly attributes: ReadonlySet<string>;
}

/** In code points. A trigram index needs three; fewer would read the whole table. */
const SHORTEST: Partial<Record<Operator, number>> = { co: 3, sw: 1, ew: 1 };

/**
 * Compiles a filter to SQL over an allow-list.
 * @throws ListQueryInvalid `filter_invalid` | `filter_too_complex` | `filter_attribute_unknown` | `filter_operator_unsupported` |
 *   `filter_value_invalid`, with what is allowed.
 */
export function compileFilter(text: string, attributes: Attributes, firstParameter: number): CompiledFilter {
  return new FilterCompiler(attributes, firstParameter).compile(parseFilter(text));
}

const ORDERING = { gt: '>', lt: '<', ge: '>=', le: '<=' } as const;

class FilterCompiler {
  readonly #parameters: unknown[] = [];
  readonly #used = new Set<string>();
  /** A Map has no prototype to be found in: `constructor` is as unknown as `nonsense`. */
  readonly #attributes: ReadonlyMap<string, readonly [string, Attribute]>;

  constructor(
    attributes: Attributes,
    private readonly firstParameter: number,
  ) {
    this.#attributes = new Map(Object.entries(attributes).map((entry) => [entry[0].toLowerCase(), entry]));
  }

  compile(filter: Filter): CompiledFilter {
    return { sql: `(${this.#expression(filter)})`, parameters: this.#parameters, attributes: this.#used };
  }

  #expression(filter: Filter): string {
    if (filter.kind === 'test') return this.#test(filter);
    // A comparison with an absent value is unknown in SQL and false in SCIM: only IS NOT TRUE turns both to true.
    if (filter.kind === 'not') return `(${this.#expression(filter.filter)}) IS NOT TRUE`;
    return filter.filters.map((each) => `(${this.#expression(each)})`).join(filter.kind === 'and' ? ' AND ' : ' OR ');
  }

  #test({ attribute: asked, operator, value: given }: FilterTest): string {
    const [name, attribute] = this.#attributes.get(asked.toLowerCase()) ?? [];
    if (!name || !attribute)
      throw unknownAttribute(
        asked,
        [...this.#attributes.values()].map(([each]) => each),
      );
    const operators: readonly Operator[] = attribute.operators;
    if (!operators.includes(operator)) throw unsupportedOperator(name, operator, operators);
    this.#used.add(name);
    const value = given === null ? nullFor(name, operator, operators) : valueOf(name, attribute, operator, given);
    if (attribute.custom) return attribute.custom(operator, value, this.#bind);
    if (value === null) return `${attribute.sql} IS ${operator === 'eq' ? '' : 'NOT '}NULL`;
    return this.#comparison(attribute, operator as Comparison, value);
  }

  #comparison({ sql, type }: Attribute, operator: Comparison, value: FilterValue): string {
    const place = () => (type === 'moment' ? `CAST(${this.#bind(value)} AS timestamptz)` : this.#bind(value));
    if (operator === 'eq') return `${sql} = ${place()}`;
    if (operator === 'ne') return `${sql} IS DISTINCT FROM ${place()}`;
    if (operator === 'sw') return this.#prefix(sql, String(value));
    if (operator === 'co') return `${sql} LIKE ${this.#bind(`%${escapeLike(String(value))}%`)}`;
    if (operator === 'ew') return `${sql} LIKE ${this.#bind(`%${escapeLike(String(value))}`)}`;
    return `${sql} ${ORDERING[operator]} ${place()}`;
  }

  /**
   * A range rather than LIKE: a named statement's generic plan cannot take a prefix out of a parameter, and so would not use
   * the index. It is a prefix only in code-point order, hence COLLATE, which costs nothing where the column has it already.
   */
  #prefix(sql: string, prefix: string): string {
    const from = `${sql} COLLATE "C" >= ${this.#bind(prefix)}`;
    const end = endOfPrefix(prefix);
    return end === null ? from : `${from} AND ${sql} COLLATE "C" < ${this.#bind(end)}`;
  }

  readonly #bind: Bind = (value) => `$${this.firstParameter + this.#parameters.push(value) - 1}`;
}

/** The least text that is above every text with this prefix, by code points (UTF-8's byte order); null where there is none. */
export function endOfPrefix(prefix: string): string | null {
  const points = Array.from(prefix, (each) => each.codePointAt(0) ?? 0);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  // UTF-8 has no surrogates: after U+D7FF comes U+E000.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}

/** An attribute that does not take `pr` is never absent: its SQL need not think of null. */
function nullFor(name: string, operator: Operator, operators: readonly Operator[]): null {
  if (!operators.includes('pr')) throw invalidValue(`"${name}" is never null`);
  if (operator === 'eq' || operator === 'ne' || operator === 'pr') return null;
  throw invalidValue(`"${name} ${operator}" does not take null; eq, ne and pr tell whether a value is absent`);
}

function valueOf(name: string, attribute: Attribute, operator: Operator, value: NonNullable<FilterValue>): FilterValue {
  if (attribute.type === 'boolean') {
    if (typeof value === 'boolean') return value;
    throw invalidValue(`"${name}" takes true, false or null`, ['true', 'false', 'null']);
  }
  if (typeof value !== 'string') throw invalidValue(`"${name}" takes a string in double quotes, or null`);
  if (attribute.type === 'moment') return momentOf(name, value);
  if (attribute.type === 'enum' && !attribute.values.includes(value)) {
    throw invalidValue(`"${name}" takes one of ${attribute.values.join(', ')}`, attribute.values);
  }
  const text = attribute.normalize ? attribute.normalize(value, operator) : value;
  const shortest = SHORTEST[operator] ?? 0;
  if (Array.from(text).length < shortest)
    throw invalidValue(`"${name} ${operator}" takes ${shortest} or more characters`);
  return text;
}

function momentOf(name: string, text: string): string {
  const moment = momentText(text);
  if (moment === null)
    throw invalidValue(`"${name}" takes a moment of RFC 3339 with its zone, like "2026-01-01T00:00:00Z"`);
  return moment;
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

function unknownAttribute(asked: string, allowed: readonly string[]): ListQueryInvalid {
  const detail = `"${asked.slice(0, 64)}" cannot be filtered by; allowed are ${allowed.join(', ')}`;
  return new ListQueryInvalid('filter', 'filter_attribute_unknown', detail, allowed);
}

function unsupportedOperator(name: string, operator: Operator, allowed: readonly Operator[]): ListQueryInvalid {
  const detail = `"${name}" does not take "${operator}"; allowed are ${allowed.join(', ')}`;
  return new ListQueryInvalid('filter', 'filter_operator_unsupported', detail, allowed);
}

function invalidValue(detail: string, allowed?: readonly string[]): ListQueryInvalid {
  return new ListQueryInvalid('filter', 'filter_value_invalid', detail, allowed);
}
