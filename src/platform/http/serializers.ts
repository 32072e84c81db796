import type { OpenAPIObject } from '@nestjs/swagger';
import fastJson from 'fast-json-stringify';

import { csvWriter } from './formats/csv-writer.js';
import type { CsvWriter } from './formats/csv-writer.js';
import type { Schemas } from './formats/schema.js';
import { xmlReader } from './formats/xml-reader.js';
import { problemXmlWriter, xmlWriter } from './formats/xml-writer.js';

export type Serializer = (value: unknown) => string;

/**
 * The writers of each component of the document, in each format. What a component does not name cannot leave: no writer
 * knows the field.
 */
export class Serializers {
  private readonly made = new Map<string, Serializer>();
  private readonly full: LocalSchemas;
  private readonly sparse: LocalSchemas;
  private readonly components: Schemas;

  constructor(document: OpenAPIObject) {
    this.components = (document.components?.schemas ?? {}) as Schemas;
    // fast-json-stringify looks other schemas up by `$id`, so the references are written in its manner.
    const local = JSON.stringify(this.components)
      .replaceAll('#/components/schemas/', '')
      .replace(/"\$ref":"([^"#]+)"/g, '"$ref":"$1#"');
    this.full = Object.fromEntries(
      Object.entries(JSON.parse(local) as LocalSchemas).map(([name, schema]) => [name, { $id: name, ...schema }]),
    );
    this.sparse = withoutRequired(this.full);
  }

  /** @param sparse for answers to `fields=`: no member is required */
  json(component: string, sparse = false): Serializer {
    return this.once(`json ${component} ${sparse}`, () => {
      const schemas = sparse ? this.sparse : this.full;
      const schema = schemas[component];
      if (!schema) throw new Error(`The document has no component "${component}"`);
      const externals = reachedFrom(component, schemas);
      return fastJson(schema as never, {
        schema: externals as never,
        // International addresses, whose format ajv does not know: it is asked only which branch of a union a value is.
        ajv: { strict: false, formats: { 'idn-email': true } } as never,
      }) as Serializer;
    });
  }

  xml(component: string, sparse = false): Serializer {
    return this.once(`xml ${component} ${sparse}`, () =>
      component === 'Problem' ? problemXmlWriter(this.components) : xmlWriter(component, this.components, sparse),
    );
  }

  /** @param fields only these columns */
  csv(component: string, fields: ReadonlySet<string> | null): CsvWriter {
    return csvWriter(component, this.components, fields, (nested) => this.json(nested));
  }

  /** @param also other names that the root element may bear */
  xmlBody(component: string, also: readonly string[]): (bytes: Uint8Array) => unknown {
    return xmlReader(component, this.components, also);
  }

  private once(key: string, make: () => Serializer): Serializer {
    const known = this.made.get(key) ?? make();
    this.made.set(key, known);
    return known;
  }
}

type LocalSchemas = Readonly<Record<string, object>>;

/** The components that one names, and those that they name: whatever else it is given, fast-json-stringify examines too. */
function reachedFrom(component: string, schemas: LocalSchemas): LocalSchemas {
  const reached = new Set([component]);
  for (const name of reached)
    for (const [, other] of JSON.stringify(schemas[name]).matchAll(/"\$ref":"([^"#]+)#"/g)) reached.add(other!);
  reached.delete(component);
  return Object.fromEntries([...reached].flatMap((name) => (schemas[name] ? [[name, schemas[name]]] : [])));
}

function withoutRequired(schemas: LocalSchemas): LocalSchemas {
  return JSON.parse(JSON.stringify(schemas), (key: string, value: unknown) =>
    key === 'required' && Array.isArray(value) ? undefined : value,
  ) as LocalSchemas;
}
