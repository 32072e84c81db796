import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { stringify } from 'yaml';

interface File {
  readonly type: string;
  readonly read: () => Buffer;
}

// Swagger UI sets style attributes and shows its icons from data: URLs; its scripts are our own files.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Roster API</title>
  <link rel="stylesheet" href="/docs/swagger-ui.css">
  <link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  syntaxHighlight: { theme: 'agate' },
});
`;

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

export function serveDocs(fastify: FastifyInstance): void {
  const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const asset =
    (name: string): (() => Buffer) =>
    () =>
      readFileSync(join(assets, name));
  serve(fastify, '/docs', { type: 'text/html; charset=utf-8', read: () => Buffer.from(PAGE) });
  serve(fastify, '/docs/start.js', { type: 'text/javascript; charset=utf-8', read: () => Buffer.from(START) });
  serve(fastify, '/docs/swagger-ui-bundle.js', {
    type: 'text/javascript; charset=utf-8',
    read: asset('swagger-ui-bundle.js'),
  });
  serve(fastify, '/docs/swagger-ui.css', { type: 'text/css; charset=utf-8', read: asset('swagger-ui.css') });
  serve(fastify, '/docs/favicon-32x32.png', { type: 'image/png', read: asset('favicon-32x32.png') });
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
