/**
 * The filter grammar of SCIM (RFC 7644 §3.4.2.2, figure 1), read into a tree:
 *
 *     FILTER    = attrExp / logExp / valuePath / *1"not" "(" FILTER ")"
 *     attrExp   = (attrPath SP "pr") / (attrPath SP compareOp SP compValue)
 *     logExp    = FILTER SP ("and" / "or") SP FILTER
 *     compValue = false / null / true / number / string        ; as in JSON, RFC 7159
 *     compareOp = "eq" / "ne" / "co" / "sw" / "ew" / "gt" / "lt" / "ge" / "le"
 *     attrPath  = [URI ":"] ATTRNAME *1subAttr                 ; URI is one of "schemas"
 *     ATTRNAME  = ALPHA *(nameChar)
 *     nameChar  = "-" / "_" / DIGIT / ALPHA
 *     subAttr   = "." ATTRNAME
 *
 * Operators are case-insensitive; "not" binds before "and", "and" before "or". Any run of spaces stands for SP.
 * `valuePath`, `emails[type eq "work"]`, is refused: no list here has attributes of many parts.
 *
 * It is ours because scim2-parse-filter 0.2.10 fails the hostile set: a quote and 40 line feeds hold its tokenizer for hours
 * (`(?:[^"\\]|\\.|\n)*` is ambiguous), `\n`, `\u0041` and a final `\\` are misread, and `constructor` passes for an operator.
 */
import { ListQueryInvalid } from './list-query-invalid.js';

export const COMPARISONS = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'lt', 'ge', 'le'] as const;
export type Comparison = (typeof COMPARISONS)[number];
export type Operator = Comparison | 'pr';
export type FilterValue = string | number | boolean | null;

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly kind: 'not'; readonly filter: Filter }
  | FilterTest;

/** One test of one attribute, named as the client wrote it; `value` is null under `pr`. */
export interface FilterTest {
  readonly kind: 'test';
  readonly attribute: string;
  readonly operator: Operator;
  readonly value: FilterValue;
}

export const FILTER_LENGTH = 2000;
export const FILTER_DEPTH = 8;
export const FILTER_COMPARISONS = 20;

/**
 * Reads a filter in time linear to its length.
 * @throws ListQueryInvalid `filter_invalid` with the position of the fault, counted from 1; `filter_too_complex` over 2,000
 *   UTF-16 units, 8 nested parentheses or 20 comparisons.
 */
export function parseFilter(text: string): Filter {
  if (text.length > FILTER_LENGTH) throw tooComplex(`longer than ${FILTER_LENGTH} characters`);
  return new FilterReader(text).read();
}

// Sticky, and no two ways to match the same characters: no text makes them slow. The allow-list settles which names exist,
// so that a name is read loosely here: `urn:ietf:params:scim:schemas:core:2.0:User:name.familyName` is one word.
const SPACES = / */y;
const OPEN = /(not)? *\(/iy;
const CLOSE = / *\)/y;
const CONNECTIVE = { and: / +and +/iy, or: / +or +/iy };
const ATTRIBUTE = /[a-z][\w:.-]*/iy;
const OPERATOR = / +([a-z]+)/iy;
const STRING = / +("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-f]{4}))*")/iy;
const NUMBER = / +(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?)/iy;
const LITERAL = / +(true|false|null)/y;

class FilterReader {
  #at = 0;
  #depth = 0;
  #comparisons = 0;

  constructor(private readonly text: string) {}

  read(): Filter {
    this.#take(SPACES);
    const filter = this.#chain('or');
    this.#take(SPACES);
    if (this.#at < this.text.length) throw this.#fault('"and", "or" or the end');
    return filter;
  }

  #chain(kind: 'and' | 'or'): Filter {
    const next = () => (kind === 'or' ? this.#chain('and') : this.#operand());
    const first = next();
    const filters = [first];
    while (this.#take(CONNECTIVE[kind])) filters.push(next());
    return filters.length === 1 ? first : { kind, filters };
  }

  #operand(): Filter {
    const open = this.#take(OPEN);
    return open ? this.#group(open[1] !== undefined) : this.#test();
  }

  #group(negated: boolean): Filter {
    // Counted on the way down: the depth of the reader's own recursion is bounded by it.
    if (++this.#depth > FILTER_DEPTH) throw tooComplex(`nested deeper than ${FILTER_DEPTH} parentheses`);
    this.#take(SPACES);
    const filter = this.#chain('or');
    if (!this.#take(CLOSE)) throw this.#fault('"and", "or" or ")"');
    this.#depth--;
    return negated ? { kind: 'not', filter } : filter;
  }

  #test(): Filter {
    const attribute = this.#take(ATTRIBUTE)?.[0];
    if (attribute === undefined) throw this.#fault('an attribute');
    if (this.text[this.#at] === '[') throw this.#fault('an operator (value paths in brackets are not supported)');
    if (++this.#comparisons > FILTER_COMPARISONS) throw tooComplex(`more than ${FILTER_COMPARISONS} comparisons`);
    const operator = this.#operator();
    const value = operator === 'pr' ? null : this.#value();
    return { kind: 'test', attribute, operator, value };
  }

  #operator(): Operator {
    const start = this.#at;
    const word = this.#take(OPERATOR)?.[1]?.toLowerCase();
    const operator = word === 'pr' ? word : COMPARISONS.find((each) => each === word);
    if (operator) return operator;
    this.#at = start;
    throw this.#fault(`one of the operators ${COMPARISONS.join(', ')}, pr`);
  }

  #value(): FilterValue {
    const start = this.#at;
    const token = this.#take(STRING) ?? this.#take(NUMBER) ?? this.#take(LITERAL);
    if (!token?.[1]) throw this.#fault('a value: a JSON string, a number, true, false or null');
    const value = JSON.parse(token[1]) as FilterValue; // cannot throw: the three patterns are JSON's own
    if (isStorable(value)) return value;
    this.#at = start;
    throw this.#fault('a value without U+0000, lone surrogates or numbers beyond a double');
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.text);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }

  #fault(expected: string): ListQueryInvalid {
    const detail = `The filter is not valid at character ${this.#at + 1}: expected ${expected}`;
    return new ListQueryInvalid('filter', 'filter_invalid', detail);
  }
}

/** PostgreSQL's text has neither; a number beyond a double has become Infinity. */
function isStorable(value: FilterValue): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0');
  return typeof value !== 'number' || Number.isFinite(value);
}

function tooComplex(limit: string): ListQueryInvalid {
  return new ListQueryInvalid('filter', 'filter_too_complex', `The filter is ${limit}`);
}
