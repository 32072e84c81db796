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
  private readonly schemas: Record<string, object>;
  private readonly components: Schemas;

  constructor(document: OpenAPIObject) {
    this.components = (document.components?.schemas ?? {}) as Schemas;
    // fast-json-stringify looks other schemas up by `$id`, so the references are written in its manner.
    const local = JSON.stringify(this.components)
      .replaceAll('#/components/schemas/', '')
      .replace(/"\$ref":"([^"#]+)"/g, '"$ref":"$1#"');
    this.schemas = Object.fromEntries(
      Object.entries(JSON.parse(local) as Record<string, object>).map(([name, schema]) => [
        name,
        { $id: name, ...schema },
      ]),
    );
  }

  /** @param sparse for answers to `fields=`: no member is required */
  json(component: string, sparse = false): Serializer {
    return this.once(`json ${component} ${sparse}`, () => {
      const schemas = sparse ? withoutRequired(this.schemas) : this.schemas;
      const schema = schemas[component];
      if (!schema) throw new Error(`The document has no component "${component}"`);
      const externals = Object.fromEntries(Object.entries(schemas).filter(([name]) => name !== component));
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

function withoutRequired(schemas: Record<string, object>): Record<string, object> {
  return JSON.parse(JSON.stringify(schemas), (key: string, value: unknown) =>
    key === 'required' && Array.isArray(value) ? undefined : value,
  ) as Record<string, object>;
}
