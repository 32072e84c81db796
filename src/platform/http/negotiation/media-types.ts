import type { OpenAPIObject } from '@nestjs/swagger';

import type { DocumentedOperation, Media } from '../documented.js';
import { csvWriter } from '../formats/csv-writer.js';
import { nameOf } from '../formats/schema.js';
import type { Schema, Schemas } from '../formats/schema.js';
import { rootOf } from '../formats/xml-writer.js';

export const JSON_TYPE = 'application/json';
export const XML = 'application/xml';
export const CSV = 'text/csv';
export const NDJSON = 'application/x-ndjson';
export const EVENT_STREAM = 'text/event-stream';

const TEXTS: Readonly<Record<string, Media>> = {
  [CSV]: { schema: { type: 'string', description: 'A line for each row, a column for each member (RFC 4180)' } },
  [NDJSON]: { schema: { type: 'string', description: 'A line of JSON for each row' } },
};

/** Adds to an operation every media type in which it is answered, and those in which it takes a body. */
export function describeMediaTypes(operation: DocumentedOperation, method: string): void {
  const body = operation.requestBody?.content;
  const json = body?.[JSON_TYPE];
  if (body && json && method === 'patch') body['application/merge-patch+json'] = json;
  else if (body && json) body[XML] = { schema: json.schema };
  const isList = operation.parameters?.some(({ name }) => name === 'cursor');
  for (const [status, { content }] of Object.entries(operation.responses)) {
    const answer = content?.[JSON_TYPE];
    if (!content || !answer || !status.startsWith('2') || operation['x-json-only']) continue;
    content[XML] = { schema: answer.schema };
    if (isList) Object.assign(content, structuredClone(TEXTS));
  }
}

/** Shows in the other formats what is shown as JSON; called when that is known. */
export function showOtherFormats(content: Record<string, Media>, schemas: Schemas): void {
  const json = content[JSON_TYPE];
  const value = json?.example ?? Object.values(json?.examples ?? {})[0]?.value;
  const { $ref } = (json?.schema ?? {}) as Schema;
  if ($ref === undefined || value === undefined) return;
  const component = nameOf($ref);
  const xml = content[XML];
  // As a value, which tools write as XML by the `xml` of the schemas: as text it would not be of the schema.
  if (xml) xml.example = value;
  const [csv, ndjson] = [content[CSV], content[NDJSON]];
  if (!csv || !ndjson) return;
  const { data } = value as { data: object[] };
  const item = nameOf((schemas[component]!.properties!['data'] as Schema).items!.$ref!);
  const { header, rows } = csvWriter(item, schemas);
  csv.example = header + rows(data);
  ndjson.example = data.map((row) => `${JSON.stringify(row)}\n`).join('');
}

/** Says in the components how they are written as XML: their own names, and an element round each list. */
export function describeXml(document: OpenAPIObject): void {
  type Described = {
    xml?: object;
    properties?: Record<string, Described>;
    items?: Described & { $ref?: string };
    type?: unknown;
  };
  for (const [name, schema] of Object.entries((document.components?.schemas ?? {}) as Record<string, Described>)) {
    schema.xml = { name: rootOf(name) };
    for (const property of Object.values(schema.properties ?? {})) {
      if (property.type !== 'array') continue;
      property.xml = { wrapped: true };
      if (property.items && !property.items.$ref) property.items.xml = { name: 'item' };
    }
  }
}
