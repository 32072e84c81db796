import { ApiExtension } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { PAGE_POLICY } from './page.js';

/** An operation that answers a page to whoever would rather have one: `text/html` stands in the document beside JSON. */
export const AlsoPage = (...statuses: readonly string[]): MethodDecorator => ApiExtension('x-pages', statuses);

/** Browsers name HTML first; whoever takes both alike, or says nothing, gets JSON. */
export function prefersPage({ format }: FastifyRequest): boolean {
  return format === 'text/html';
}

/** The page with its headers, ready to be returned by a handler. */
export function answerPage(reply: FastifyReply, page: string): string {
  void reply.header('Content-Security-Policy', PAGE_POLICY).type('text/html; charset=utf-8');
  // Made by a template that escapes, from what the JSON of the same operation holds.
  reply.written = true;
  return page;
}
