import type { OpenAPIObject } from '@nestjs/swagger';
import type { LightMyRequestResponse } from 'fastify';

import { operationsOf } from '../../src/platform/http/document.js';
import { EVENT_STREAM } from '../../src/platform/http/negotiation/media-types.js';

/** Whether a request is answered by a stream, which has no end. */
export function streamsOf(document: OpenAPIObject): (method: string, url: string) => boolean {
  const paths = operationsOf(document)
    .filter(({ operation }) => operation.responses['200']?.content?.[EVENT_STREAM])
    .map(({ path }) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`));
  return (method, url) => method === 'GET' && paths.some((path) => path.test(url.split('?')[0]!));
}

/** The whole of an answer, or the beginning of a stream, which is left then. */
export async function textOf(answer: LightMyRequestResponse): Promise<string> {
  let text = '';
  for await (const chunk of answer.stream()) {
    text += String(chunk);
    if (String(answer.headers['content-type']).startsWith(EVENT_STREAM)) break;
  }
  answer.raw.res.destroy();
  return text;
}
