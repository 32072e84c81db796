import { globSync, readFileSync } from 'node:fs';

import { operationsOf } from '../../src/platform/http/document.js';
import { ROOT } from '../architecture/planted-tree.js';
import { TestApp } from '../harness/app.js';

/** What opens a connection, or could. */
const OUTGOING =
  /\bfetch\(|\bcreateTransport\(|\bnew (Redis|Client|WebSocket|EventSource)\(|from '(node:)?(https?|http2|net|tls|dgram|dns(\/promises)?|undici|axios|got)'/;

/** Who may, and who says where to: never whoever asks. */
const ALLOWED: Readonly<Record<string, string>> = {
  'src/auth/bearers.service.ts': 'a type: the headers of whoever asks',
  'src/cli/doctor/ports.ts': 'asks this machine, for whoever sits at it',
  'src/cli/doctor/settings.ts': 'reads addresses',
  'src/cli/ports.ts': 'listens',
  'src/mail/smtp-client.ts': 'SMTP_URL',
  'src/platform/cache/postgres-listener.ts': 'DATABASE_URL',
  'src/platform/cache/redis-listener.ts': 'REDIS_URL',
  'src/platform/config/network.ts': 'reads addresses',
  'src/platform/database/embedded/server.ts': 'listens',
  'src/platform/database/pipeline.ts': 'DATABASE_URL',
  'src/platform/http/client-address.ts': 'reads addresses',
  'src/platform/http/server.ts': 'a type: the socket of whoever asks',
  'src/platform/rate-limit/shared-count.ts': 'REDIS_URL',
  'src/realtime/realtime.adapter.ts': 'a server that never listens, for socket.io to hang on',
  'src/realtime/upgrades.ts': 'a type: the request of whoever asks',
  'src/webhooks/addresses.ts': 'reads addresses',
  'src/webhooks/destinations.ts': 'reads addresses',
  'src/webhooks/http-call.ts': 'webhooks, to addresses that were checked (test/webhooks/ssrf.e2e-spec.ts)',
  'src/webhooks/resolver.ts': 'the names of webhooks',
};

type Schema = { readonly $ref?: string; readonly format?: string } & Readonly<Record<string, unknown>>;

describe('S59 addresses that somebody gives us', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });
  afterAll(() => app.stop());

  /** Where in a schema, or in what it refers to, an address of the web is asked for. */
  function addressesIn(schema: unknown, place: string, seen: readonly string[] = []): string[] {
    if (typeof schema !== 'object' || schema === null) return [];
    const { $ref, format } = schema as Schema;
    if ($ref !== undefined) {
      const name = $ref.split('/').at(-1)!;
      if (seen.includes(name)) return [];
      return addressesIn(app.app.document.components!.schemas![name], place, [...seen, name]);
    }
    const here = /^(uri|url|iri|hostname|ipv4|ipv6)/.test(format ?? '') ? [place] : [];
    const inside = Object.entries(schema).flatMap(([name, value]) =>
      name === 'examples' || name === 'example' ? [] : addressesIn(value, `${place}/${name}`, seen),
    );
    return [...here, ...inside];
  }

  it('are asked for by webhooks alone, which are guarded', () => {
    const asking = operationsOf(app.app.document).flatMap(({ operation }) => [
      ...addressesIn(operation.requestBody, operation.operationId),
      ...addressesIn(operation.parameters, operation.operationId),
    ]);
    expect(asking.map((place) => place.replace(/\/content\/.*\/schema/, ''))).toEqual(
      expect.arrayContaining(['webhooks.create/properties/url', 'webhooks.patch/properties/url']),
    );
    expect(asking.filter((place) => !/^webhooks\.(create|patch)\/.*\/url$/.test(place))).toEqual([]);
    expect(addressesIn({ properties: { hook: { type: 'string', format: 'uri' } } }, 'planted')).toEqual([
      'planted/properties/hook',
    ]);
  });

  it('are called by nothing: what connects is known, and goes where the operator says', () => {
    const files = globSync('src/**/*.ts', { cwd: ROOT, exclude: ['src/platform/http/docs/**', 'src/**/*.spec.ts'] });
    const connecting = files.filter((file) => OUTGOING.test(readFileSync(`${ROOT}/${file}`, 'utf8'))).sort();
    expect(connecting).toEqual(Object.keys(ALLOWED).sort());
  });
});
