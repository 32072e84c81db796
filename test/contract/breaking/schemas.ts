/** As much of a JSON Schema as can be broken. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly minItems?: number;
}
export type Schemas = Readonly<Record<string, Schema>>;

/** Whoever sends must not be asked for more; whoever reads must not be given anything they do not know. */
export type Direction = 'request' | 'answer';

/** What is broken between two schemas, in words that follow the place. */
export function brokenBetween(
  [before, old]: readonly [Schema, Schemas],
  [after, now]: readonly [Schema, Schemas],
  direction: Direction,
  place = '',
  seen: ReadonlySet<string> = new Set(),
): string[] {
  const [a, b] = [plain(before, old), plain(after, now)];
  const key = `${a.name}${b.name}`;
  if (key !== '' && seen.has(key)) return [];
  const known = new Set([...seen, key]);
  const at = place === '' ? 'the body' : `"${place}"`;
  const within = (name: string): string => (place === '' ? name : `${place}.${name}`);
  const members = Object.keys(a.schema.properties ?? {}).flatMap((name) => {
    const [was, is] = [a.schema.properties![name]!, b.schema.properties?.[name]];
    if (is) return brokenBetween([was, old], [is, now], direction, within(name), known);
    return [`${direction === 'answer' ? 'the answer lost' : 'the request no longer takes'} "${within(name)}"`];
  });
  const items =
    a.schema.items && b.schema.items
      ? brokenBetween([a.schema.items, old], [b.schema.items, now], direction, `${place}[]`, known)
      : [];
  return [
    ...typeFaults(a.schema, b.schema, direction, at),
    ...requiredFaults(a.schema, b.schema, direction, within),
    ...limitFaults(a.schema, b.schema, direction, at),
    ...members,
    ...items,
  ];
}

/** Without references, single parts and null; the name, to know what has been compared already. */
function plain(schema: Schema, schemas: Schemas): { schema: Schema; name: string } {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1)!;
    return { schema: plain(schemas[name] ?? {}, schemas).schema, name };
  }
  const part = (schema.allOf ?? schema.anyOf)?.find(({ type }) => type !== 'null');
  if (!part) return { schema, name: '' };
  const inner = plain(part, schemas);
  const nullable = schema.anyOf?.some(({ type }) => type === 'null') ?? false;
  return nullable ? { ...inner, schema: { ...inner.schema, type: [...typesOf(inner.schema), 'null'] } } : inner;
}

function typesOf({ type, properties, items }: Schema): string[] {
  if (type !== undefined) return [type].flat() as string[];
  return [properties ? 'object' : items ? 'array' : 'string'];
}

function typeFaults(a: Schema, b: Schema, direction: Direction, at: string): string[] {
  const [was, is] = [typesOf(a), typesOf(b)];
  const [wider, narrower] = direction === 'request' ? [was, is] : [is, was];
  const lost = wider.filter((type) => !narrower.includes(type) && !(type === 'integer' && narrower.includes('number')));
  const verb = direction === 'request' ? 'may no longer be' : 'may now be';
  const values = direction === 'request' ? missing(a.enum, b.enum) : missing(b.enum, a.enum);
  const [open, closed] = direction === 'request' ? [a, b] : [b, a];
  return [
    ...lost.map((type) => `${at} ${verb} ${type}`),
    ...values.map((value) => `${at} ${verb} ${JSON.stringify(value)}`),
    ...(open.enum === undefined && closed.enum ? [`${at} ${verb} any text`] : []),
    ...(a.format !== b.format && (direction === 'answer' ? a.format : b.format)
      ? [`${at} has the format ${b.format ?? 'none'}, no longer ${a.format ?? 'none'}`]
      : []),
    ...(direction === 'request' && b.pattern && b.pattern !== a.pattern ? [`${at} has to match another pattern`] : []),
  ];
}

function missing(from: readonly unknown[] | undefined, others: readonly unknown[] | undefined): unknown[] {
  return from && others ? from.filter((value) => !others.includes(value)) : [];
}

function requiredFaults(a: Schema, b: Schema, direction: Direction, within: (name: string) => string): string[] {
  const [was, is] = [a.required ?? [], b.required ?? []];
  if (direction === 'request')
    return is.filter((name) => !was.includes(name)).map((name) => `"${within(name)}" is now required`);
  return was
    .filter((name) => !is.includes(name) && b.properties?.[name])
    .map((name) => `"${within(name)}" may now be absent`);
}

const LIMITS = [
  ['maxLength', 1],
  ['maximum', 1],
  ['maxItems', 1],
  ['minItems', -1],
  ['minLength', -1],
  ['minimum', -1],
] as const;

/** A request may not be asked for less; an answer may not become more than a reader had room for. */
function limitFaults(a: Schema, b: Schema, direction: Direction, at: string): string[] {
  return LIMITS.flatMap(([limit, sign]) => {
    const [was, is] = [a[limit], b[limit]];
    const narrowed = is !== undefined && (was === undefined || (is - was) * sign < 0);
    const widened = was !== undefined && (is === undefined || (is - was) * sign > 0);
    const broken = direction === 'request' ? narrowed : widened && limit === 'maxLength';
    return broken ? [`${at} has ${limit} ${is ?? 'none'}, no longer ${was ?? 'none'}`] : [];
  });
}
