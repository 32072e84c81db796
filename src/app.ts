import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';

import { AppModule } from './app.module.js';
import { serveQuestions } from './broker/index.js';
import { TAGS } from './openapi.js';
import { SettingsRepository } from './platform/database/settings.repository.js';
import { serializeByDocument } from './platform/http/answers.js';
import { Cors } from './platform/http/cors.js';
import { serveDocs, serveDocument } from './platform/http/docs.js';
import { buildDocument } from './platform/http/document.js';
import { ProblemFilter } from './platform/http/problem.filter.js';
import { ProblemWriter } from './platform/http/problem-body.js';
import { Refusals } from './platform/http/refusals.js';
import { Serializers } from './platform/http/serializers.js';
import { createServer } from './platform/http/server.js';
import { NestLogs } from './platform/logging/logger.js';
import type { Ground } from './platform.module.js';
import { classifyByDocument, limitAddress } from './platform/rate-limit/address-limit.js';
import { RateLimits } from './platform/rate-limit/rate-limits.js';
import { VERSION } from './platform/telemetry/version.js';
import { RealtimeAdapter, Upgrades } from './realtime/index.js';

export { VERSION };

export interface App {
  readonly nest: NestFastifyApplication;
  readonly fastify: FastifyInstance;
  readonly document: OpenAPIObject;
}

/** For tests: comes between the document and the routes. */
type Prepare = (fastify: FastifyInstance, document: OpenAPIObject, nest: NestFastifyApplication) => void;

/**
 * Puts the application together, ready to listen. The document is made from the decorators before the routes are
 * registered, and the serializers from the document.
 * @param defaultPublicUrl what PUBLIC_URL is settled as, at the first start, when nobody says
 */
export async function createApp(ground: Ground, defaultPublicUrl: string, prepare?: Prepare): Promise<App> {
  const { config, logs, metrics, publicUrl } = ground;
  // Made from the document, which is made from the application, which needs the server.
  const late = {} as Late;
  const adapter = createServer({
    logs,
    metrics,
    secure: () => publicUrl.value.startsWith('https:'),
    trustProxy: config.values.TRUST_PROXY,
    cors: new Cors(config.values.CORS_ORIGINS),
    limit: (...request) => limitAddress(late.limits, ...request),
    upgrades: (request) => late.upgrades.admits(request),
    filter: () => late.filter,
    writer: () => late.writer,
  });
  const nest = await NestFactory.create<NestFastifyApplication>(AppModule.on(ground), adapter, {
    logger: new NestLogs(logs),
    bodyParser: false,
    abortOnError: false,
  });
  try {
    return await assemble(nest, ground, defaultPublicUrl, late, prepare);
  } catch (error) {
    // Its connections would keep the process, and the database, from ending.
    await nest.close();
    throw error;
  }
}

/** What is known only once the document is made. */
interface Late {
  filter: ProblemFilter;
  writer: ProblemWriter;
  limits: RateLimits;
  upgrades: Upgrades;
}

async function assemble(
  nest: NestFastifyApplication,
  { config, logs, publicUrl }: Ground,
  defaultPublicUrl: string,
  late: Late,
  prepare: Prepare | undefined,
): Promise<App> {
  // What the operator says now counts; only what was defaulted is kept from the first start.
  publicUrl.settle(
    config.values.PUBLIC_URL || (await nest.get(SettingsRepository).settle('public_url', defaultPublicUrl)),
  );
  const fastify = nest.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const document = buildDocument(nest, VERSION, TAGS);
  const serializers = new Serializers(document);
  late.writer = new ProblemWriter(() => publicUrl.value, serializers.json('Problem'), serializers.xml('Problem'));
  late.filter = new ProblemFilter(late.writer, logs, nest.get(Refusals));
  nest.useGlobalFilters(late.filter);
  late.limits = nest.get(RateLimits);
  late.upgrades = nest.get(Upgrades, { strict: false });
  nest.useWebSocketAdapter(nest.get(RealtimeAdapter, { strict: false }));
  classifyByDocument(fastify, document);
  prepare?.(fastify, document, nest);
  serializeByDocument(fastify, document, serializers, logs);
  serveDocument(fastify, document);
  if (config.values.DOCS === 'on') serveDocs(fastify);
  await nest.init();
  await serveQuestions(nest);
  await fastify.ready();
  return { nest, fastify, document };
}
