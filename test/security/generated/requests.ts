import fc from 'fast-check';

import type { DocumentedOperation } from '../../../src/platform/http/documented.js';
import { honest, valuesOf } from './values.js';
import type { Schema } from './values.js';

export const CALLERS = ['anonymous', 'user', 'admin'] as const;
export type Caller = (typeof CALLERS)[number];

/** A request to be made; what only the moment knows (ids, tokens, secrets) is put in when it is sent. */
export interface Generated {
  readonly caller: Caller;
  /** The body is an example, or what the scene says. */
  readonly isHonest: boolean;
  readonly id: string | null;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: Schema;
  readonly example?: unknown;
}

const TEXT = fc.string({ maxLength: 100 });
/** Visible ASCII: what else a header may not carry is refused by the server's parser, and is among the hostile inputs. */
const FIELD = fc.stringMatching(/^[!-~]([ -~]{0,60}[!-~])?$/);

/** Requests for an operation, made from its parameters and the schema of its body. */
export function requestsOf(
  operation: DocumentedOperation,
  components: Readonly<Record<string, Schema>>,
): fc.Arbitrary<Generated> {
  const parameters = (operation.parameters ?? []) as unknown as Parameter[];
  const named = (place: string): Parameter[] => parameters.filter((parameter) => parameter.in === place);
  const callers = fc.constantFrom<Caller>('anonymous', 'user', 'user', 'admin', 'admin', 'admin');
  const good = fc.record({
    caller: callers,
    isHonest: fc.constant(true),
    id: fc.constant(null),
    query: some(named('query'), components, 1),
    headers: fc.constant({}),
    body: honestBody(operation, components),
  });
  const wild = fc.record({
    caller: callers,
    isHonest: fc.constant(false),
    id: fc.oneof(fc.constant(null), fc.constant(null), fc.uuid(), TEXT),
    query: some(named('query'), components, 2),
    headers: headersOf(named('header')),
    body: operation.requestBody ? valuesOf(bodySchema(operation), components) : fc.constant(undefined),
  });
  return fc.oneof(good, wild);
}

function bodySchema({ requestBody }: DocumentedOperation): Schema {
  return (requestBody?.content['application/json']?.schema ?? {}) as Schema;
}

function honestBody(
  operation: DocumentedOperation,
  components: Readonly<Record<string, Schema>>,
): fc.Arbitrary<unknown> {
  const media = operation.requestBody?.content['application/json'];
  if (!media) return fc.constant(undefined);
  const schema = bodySchema(operation);
  const { required = [] } = components[schema.$ref?.split('/').at(-1) ?? ''] ?? schema;
  const examples = [media.example, ...Object.values(media.examples ?? {}).map(({ value }) => value)];
  const known = examples.filter((example) => example !== undefined) as Record<string, unknown>[];
  return fc.oneof(...known.map((example) => honest(example, required)));
}

/** Each parameter is mostly left out, else given as documented, or (with `wildness`) in any other way. */
function some(
  parameters: readonly Parameter[],
  components: Readonly<Record<string, Schema>>,
  wildness: 1 | 2,
): fc.Arbitrary<Record<string, string>> {
  const each = parameters.map(({ name, schema, example }) => {
    const shown = example ?? schema.example;
    const honestly = shown === undefined ? [] : [fc.constant(String(shown))];
    const wildly = wildness === 2 ? [valuesOf(schema, components).map(String), TEXT] : [];
    const values = [...honestly, ...wildly];
    return [name, values.length === 0 ? fc.constant(null) : fc.option(fc.oneof(...values), { freq: 1 })] as const;
  });
  return fc.record(Object.fromEntries(each)).map(present);
}

/** The headers that it documents, and those that every operation may be sent. */
function headersOf(documented: readonly Parameter[]): fc.Arbitrary<Record<string, string>> {
  const formats = [
    'application/json',
    'application/xml',
    'text/csv',
    'application/x-ndjson',
    'text/html',
    '*/*;q=0.1',
    'a/b',
  ];
  const usual: Record<string, fc.Arbitrary<string>> = {
    accept: fc.oneof(fc.constantFrom(...formats), FIELD),
    prefer: fc.oneof(fc.constantFrom('return=minimal', 'return=representation'), FIELD),
    'if-match': fc.oneof(fc.constantFrom('"1.json"', '"2.json"', '*', 'W/"1.json"'), FIELD),
    'if-none-match': fc.oneof(fc.constantFrom('"1.json"', '*'), FIELD),
    'idempotency-key': fc.oneof(fc.uuid(), FIELD),
    'x-request-id': FIELD,
  };
  for (const { name } of documented) usual[name.toLowerCase()] ??= FIELD;
  const each = Object.entries(usual).map(([name, values]) => [name, fc.option(values, { freq: 1 })] as const);
  const mostly = fc.record(Object.fromEntries(each)).map(present);
  return fc.oneof(fc.constant({}), mostly);
}

function present(record: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter((entry): entry is [string, string] => entry[1] !== null));
}
