/** As much of a JSON Schema as the decorators write. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly example?: unknown;
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
