import fc from 'fast-check';

/** As much of a JSON Schema as the document has. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly example?: unknown;
}
type Components = Readonly<Record<string, Schema>>;
type Values = fc.Arbitrary<unknown>;

/** Whatever JSON can say, and much that no schema allows. */
const ANYTHING: Values = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom<unknown>('', ' ', '\u202e', "' OR 1=1--", -1, 1e308, 0.1, [], {}, { $ne: null }, 'a'.repeat(5000)),
);

/** Values of a schema: often its example, often others that it allows, now and then something that it does not. */
export function valuesOf(schema: Schema, components: Components): Values {
  const allowed = allowedBy(schema, components);
  const example = schema.example === undefined ? [] : [{ weight: 4, arbitrary: fc.constant(schema.example) }];
  return fc.oneof(...example, { weight: 4, arbitrary: allowed }, { weight: 1, arbitrary: ANYTHING });
}

function allowedBy(schema: Schema, components: Components): Values {
  if (schema.$ref) return allowedBy(components[schema.$ref.split('/').at(-1)!]!, components);
  const parts = schema.allOf ?? schema.anyOf;
  if (parts) return fc.oneof(...parts.map((part) => allowedBy(part, components)));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const types = [schema.type ?? 'object'].flat() as string[];
  return fc.oneof(...types.map((type) => ofType(type, schema, components)));
}

function ofType(type: string, schema: Schema, components: Components): Values {
  if (type === 'null') return fc.constant(null);
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer') return fc.integer({ min: schema.minimum, max: schema.maximum });
  if (type === 'number') return fc.double({ min: schema.minimum, max: schema.maximum, noNaN: true });
  if (type === 'array')
    return fc.array(valuesOf(schema.items ?? {}, components), { maxLength: Math.min(schema.maxItems ?? 5, 5) });
  if (type === 'string') return texts(schema);
  return schema.properties
    ? objects(schema, components)
    : fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 });
}

const FORMATS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  uuid: fc.uuid(),
  'date-time': fc
    .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  'idn-email': fc.emailAddress(),
  uri: fc.webUrl(),
};

function texts({ format, pattern, minLength = 0, maxLength = 100 }: Schema): fc.Arbitrary<string> {
  const known = FORMATS[format ?? ''];
  if (known) return known;
  const length = { minLength, maxLength: Math.min(maxLength, minLength + 60) };
  // Classes by property (\p{L}) cannot be turned into texts: those that miss the pattern are what must be refused.
  if (!pattern || pattern.includes('\\p{')) return fc.string({ unit: 'grapheme', ...length });
  return fc.stringMatching(new RegExp(pattern)).map((text) => text.slice(0, maxLength));
}

/** Members that are required are mostly there, others mostly not; now and then one that nobody knows. */
function objects({ properties = {}, required = [] }: Schema, components: Components): Values {
  const members = Object.entries(properties).map(([name, schema]) => {
    const values = valuesOf(schema, components);
    return [name, fc.option(values, { nil: undefined, freq: required.includes(name) ? 20 : 1 })] as const;
  });
  const stranger = fc.tuple(fc.string({ maxLength: 20 }), ANYTHING);
  const strangers = fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: stranger });
  return fc.tuple(fc.record(Object.fromEntries(members)), strangers).map(([object, strange]) => {
    const present = Object.entries(object).filter(([, value]) => value !== undefined);
    return Object.fromEntries(strange ? [...present, strange] : present);
  });
}

/** The example with some of its optional members left out: what an honest client sends. */
export function honest(example: Readonly<Record<string, unknown>>, required: readonly string[]): Values {
  const optional = Object.keys(example).filter((name) => !required.includes(name));
  return fc
    .subarray(optional)
    .map((left) => Object.fromEntries(Object.entries(example).filter(([name]) => !left.includes(name))));
}
