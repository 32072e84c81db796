import { ApiExtension } from '@nestjs/swagger';

/** As much of a JSON Schema as the decorators write. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly example?: unknown;
  readonly format?: string;
  readonly readOnly?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
}

/**
 * A value made of the examples of the properties, through every component that the schema refers to. Members of a
 * request that cannot be written are left out. Undefined where nobody gave an example.
 */
export function exampleOf(
  schema: Schema,
  components: Readonly<Record<string, Schema>>,
  { request }: { readonly request: boolean },
): unknown {
  const of = (part: Schema): unknown => exampleOf(part, components, { request });
  if (schema.example !== undefined) return schema.example;
  if (schema.$ref) return of(components[schema.$ref.split('/').at(-1)!] ?? {});
  const [first] = schema.allOf ?? schema.anyOf ?? [];
  if (first) return of(first);
  if (schema.items) return [of(schema.items)];
  if (!schema.properties) return undefined;
  const shown = Object.entries(schema.properties).filter(([, property]) => !(request && property.readOnly));
  return Object.fromEntries(shown.map(([name, property]) => [name, of(property)]));
}

/** What an example shows, and the example: the first one is what is sent unless another is chosen. */
type NamedExamples = Readonly<Record<string, object>>;

const NAMED = 'x-named-examples';

/** Named examples of a body, beside its class; wherever it is sent or answered, the document shows them. */
export function Examples(examples: NamedExamples): ClassDecorator {
  return ApiExtension(NAMED, examples) as ClassDecorator;
}

interface Media {
  schema?: object;
  example?: unknown;
  examples?: Record<string, { summary: string; value: unknown }>;
}

/** Gives a body its named examples; false if its class has none. JSON only: other types would show a JSON text. */
export function showNamedExamples(media: Media, type: string, components: Readonly<Record<string, Schema>>): boolean {
  const name = (media.schema as Schema | undefined)?.$ref?.split('/').at(-1) ?? '';
  const named = (components[name] as { [NAMED]?: NamedExamples } | undefined)?.[NAMED];
  if (!named || !/[/+]json$/.test(type)) return false;
  media.examples = Object.fromEntries(
    Object.entries(named).map(([summary, value]) => [camelCase(summary), { summary, value }]),
  );
  return true;
}

/** The document shows them where they are used; on the components themselves they are no word of OpenAPI. */
export function forgetNamedExamples(components: Readonly<Record<string, Schema>>): void {
  for (const component of Object.values(components)) delete (component as { [NAMED]?: NamedExamples })[NAMED];
}

function camelCase(words: string): string {
  return words
    .replace(/[^\p{L}\p{N} ]/gu, '')
    .toLowerCase()
    .replace(/ +(.)/g, (_, letter: string) => letter.toUpperCase());
}
