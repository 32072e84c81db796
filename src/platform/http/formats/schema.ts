/** As much of a JSON Schema as the document's components have. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** The components of the document, by name. */
export type Schemas = Readonly<Record<string, Schema>>;

export function nameOf(reference: string): string {
  return reference.split('/').at(-1)!;
}

/** What a schema says once its references, its single parts and its null are taken away. */
export function resolve(schema: Schema, schemas: Schemas): Schema {
  if (schema.$ref) {
    const found = schemas[nameOf(schema.$ref)];
    if (!found) throw new Error(`The document has no component "${schema.$ref}"`);
    return resolve(found, schemas);
  }
  const parts = schema.allOf ?? schema.anyOf ?? schema.oneOf;
  const part = parts?.find(({ type }) => type !== 'null');
  return part ? resolve(part, schemas) : schema;
}

/** The one type of a schema beside null; an enum without a type is a text. */
export function typeOf({ type, properties, items }: Schema): string {
  const known = [type ?? []].flat().find((each) => each !== 'null');
  return known ?? (properties ? 'object' : items ? 'array' : 'string');
}
