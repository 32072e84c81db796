import { Readable } from 'node:stream';

import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import type { DocumentedOperation, Media } from './documented.js';
import { nameOf } from './formats/schema.js';
import type { Schema } from './formats/schema.js';
import { streamOf } from './negotiation/list-stream.js';
import type { RowsWriter } from './negotiation/list-stream.js';
import type { Listing } from './lists/listing.js';
import { CSV, JSON_TYPE, NDJSON, XML } from './negotiation/media-types.js';
import type { Serializers } from './serializers.js';

/** How an answer of one status and one media type is written. */
export interface Representation {
  readonly type: string;
  /** Makes the text, or the stream, of what the handler returned. */
  readonly write: (value: unknown, request: FastifyRequest, reply: FastifyReply) => unknown;
}

type Failed = (error: unknown, request: FastifyRequest) => void;

/** Every answer that an operation documents, by status and media type: `200 application/json`. */
export function representationsOf(
  operation: DocumentedOperation,
  document: OpenAPIObject,
  serializers: Serializers,
  failed: Failed,
): Map<string, Representation> {
  const found = new Map<string, Representation>();
  const hasFields = operation.parameters?.some(({ name }) => name === 'fields') ?? false;
  for (const [status, { content = {} }] of Object.entries(operation.responses)) {
    const component = componentOf(content[JSON_TYPE] ?? Object.values(content)[0]);
    if (component === null) continue;
    for (const type of Object.keys(content)) {
      const representation = isRows(type)
        ? rowsAs(type, itemOf(component, document), serializers, failed)
        : wholeAs(type, component, serializers, hasFields);
      // Problems have a way out of their own; a failure that is told in another manner (a probe's 503) is an answer.
      if (representation && !type.startsWith('application/problem')) found.set(`${status} ${type}`, representation);
    }
  }
  return found;
}

function isRows(type: string): boolean {
  return type === CSV || type === NDJSON;
}

function wholeAs(type: string, component: string, serializers: Serializers, hasFields: boolean): Representation | null {
  if (type !== XML && !type.endsWith('json')) return null;
  const of = (sparse: boolean): ((value: unknown) => string) =>
    type === XML ? serializers.xml(component, sparse) : serializers.json(component, sparse);
  const [full, sparse] = [of(false), of(true)];
  return {
    type: type === JSON_TYPE || type === XML ? `${type}; charset=utf-8` : type,
    write: hasFields ? (value, request) => (fieldsOf(request) === undefined ? full : sparse)(value) : full,
  };
}

function rowsAs(type: string, item: string, serializers: Serializers, failed: Failed): Representation {
  const [full, sparse] = [serializers.json(item), serializers.json(item, true)];
  const lines =
    (write: (value: unknown) => string): RowsWriter =>
    (rows) =>
      rows.map((row) => `${write(row)}\n`).join('');
  return {
    type: `${type}; charset=utf-8`,
    write: (value, request, reply) => {
      if (type === CSV) void reply.header('Content-Disposition', `attachment; filename="${fileOf(request)}.csv"`);
      // Whoever asks for the head alone is not read all the rows.
      if (request.method === 'HEAD') return Readable.from([]);
      breakOffStalled(reply);
      const fields = fieldsOf(request);
      const watch = {
        readmit: async () => request.readmit?.(),
        failed: (error: unknown) => failed(error, request),
      };
      if (type === NDJSON) return streamOf(value as Listing, '', lines(fields === undefined ? full : sparse), watch);
      const columns = fields === undefined ? null : new Set(['id', ...fields.split(',')]);
      const { header, rows } = serializers.csv(item, columns);
      return streamOf(value as Listing, header, rows, watch);
    },
  };
}

/** How long a reader may take nothing of a stream. Milliseconds. */
const STALLED = 30_000;

/** Whoever reads no more would keep a page in memory for as long as they like. */
function breakOffStalled({ raw }: FastifyReply): void {
  raw.setTimeout(STALLED, () => raw.destroy());
}

function fieldsOf({ query }: FastifyRequest): string | undefined {
  return (query as { fields?: string } | undefined)?.fields;
}

/** The last word of the path: `users`. */
function fileOf({ url }: FastifyRequest): string {
  return /([a-z-]+)(?:\?|$)/.exec(url)?.[1] ?? 'list';
}

export function componentOf(media: Media | undefined): string | null {
  const reference = (media?.schema as Schema | undefined)?.$ref;
  return reference === undefined ? null : nameOf(reference);
}

/** What the rows of a page are. */
function itemOf(page: string, document: OpenAPIObject): string {
  const { properties } = (document.components!.schemas as Record<string, Schema>)[page]!;
  return nameOf(properties!['data']!.items!.$ref!);
}
