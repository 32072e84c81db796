import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { stringify } from 'yaml';

interface File {
  readonly type: string;
  readonly read: () => Buffer;
}

// Swagger UI shows its icons from data: URLs; its styles and scripts, and ours, are files of this server.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** `/openapi.json`, `/openapi.yaml` and Swagger UI at `/docs`: from this server alone, under a strict policy. */
export function serveDocument(fastify: FastifyInstance, document: OpenAPIObject): void {
  serve(fastify, '/openapi.json', {
    type: 'application/json; charset=utf-8',
    read: () => Buffer.from(JSON.stringify(document)),
  });
  serve(fastify, '/openapi.yaml', {
    type: 'application/yaml; charset=utf-8',
    read: () => Buffer.from(stringify(document, { aliasDuplicateObjects: false })),
  });
}

/** Ours lie beside this file (nest-cli.json copies them to the build), Swagger UI's in its package. */
const OURS: Record<string, string> = {
  '/docs': 'index.html',
  '/docs/docs.css': 'docs.css',
  '/docs/start.mjs': 'start.mjs',
  '/docs/document.mjs': 'document.mjs',
  '/docs/session.mjs': 'session.mjs',
  '/docs/panel.mjs': 'panel.mjs',
};
const THEIRS = ['swagger-ui-bundle.js', 'swagger-ui.css', 'favicon-32x32.png'];

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
};

export function serveDocs(fastify: FastifyInstance): void {
  const ours = new URL('./docs/', import.meta.url);
  const theirs = pathToFileURL(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  for (const [path, name] of Object.entries(OURS)) serveFile(fastify, path, new URL(name, ours));
  for (const name of THEIRS) serveFile(fastify, `/docs/${name}`, new URL(name, theirs));
}

function serveFile(fastify: FastifyInstance, path: string, file: URL): void {
  serve(fastify, path, { type: TYPES[extname(file.pathname)]!, read: () => readFileSync(file) });
}

/** Read at the first request, then kept with its ETag. */
function serve(fastify: FastifyInstance, path: string, file: File): void {
  let kept: { bytes: Buffer; tag: string } | undefined;
  fastify.get(path, (request: FastifyRequest, reply: FastifyReply) => {
    if (!kept) {
      const bytes = file.read();
      kept = { bytes, tag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` };
    }
    void reply
      .header('ETag', kept.tag)
      .header('Cache-Control', 'no-cache')
      .header('Content-Security-Policy', POLICY)
      .type(file.type);
    if (request.headers['if-none-match'] === kept.tag) return reply.code(304).send();
    return reply.send(kept.bytes);
  });
}
