import type { LimitClass } from './rate-limit.js';

export interface Media {
  schema?: object;
  example?: unknown;
  examples?: Record<string, { summary: string; value: unknown }>;
}
export interface Response {
  description: string;
  content?: Record<string, Media>;
  headers?: Record<string, object>;
}
export interface DocumentedOperation {
  operationId: string;
  summary?: string;
  tags?: string[];
  parameters?: { name: string; in: string; schema?: { type?: string; format?: string } }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, Response>;
  security?: object[];
  'x-permission'?: string;
  'x-problems'?: string[];
  'x-pages'?: string[];
  'x-json-only'?: boolean;
  'x-max-age'?: number;
  /** The members of the body for which alone `x-max-age` would be said. */
  'x-max-age-for'?: string[];
  'x-in-person'?: boolean;
  'x-made-under'?: string;
  'x-rate-limit'?: LimitClass;
  'x-streamed-body'?: boolean | { content: Record<string, Media> };
}
