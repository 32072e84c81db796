import { VERSION } from '../app.js';
import type { Config } from '../platform/config/config.js';
import type { EmbeddedPostgres } from '../platform/database/embedded/index.js';
import { reachable } from './ports.js';
import type { HeldPorts } from './ports.js';

/** How to get in again: said wherever a password is not. */
export const RESET = 'npm run roster -- admin reset';

export interface Credentials {
  /** Made by this start; null if there was one already. */
  readonly administrator: { readonly email: string; readonly oneTimePassword: string | null } | null;
  /** An access token; null where it may not be shown. */
  readonly token: string | null;
}

/** What there is to say at the end of a start. */
export interface News extends Credentials {
  readonly config: Config;
  readonly ports: HeldPorts;
  readonly embedded: EmbeddedPostgres | null;
  /** Milliseconds since the process began. */
  readonly startMs: number;
}

/** Where everything is. A worker has only its management port; the outbox is for developing. */
export function urlsOf({ config, ports }: News): Record<string, string> {
  const { HOST, MANAGEMENT_HOST, ROLE, DOCS } = config.values;
  const management = reachable(MANAGEMENT_HOST, ports.management.port);
  const operations = { management, metrics: `${management}/metrics` };
  if (ROLE === 'worker') return { health: `${management}/health`, ...operations };
  const api = reachable(HOST, ports.api.port);
  return {
    api,
    ...(DOCS === 'on' && { docs: `${api}/docs` }),
    openapi: `${api}/openapi.json`,
    health: `${api}/health`,
    ...operations,
    ...(!config.production && { outbox: `${api}/dev/mail` }),
  };
}

/** What differs from what one would expect. */
export function notesOf({ ports, embedded }: News): string[] {
  return [ports.api.note, ports.management.note, embedded?.relocated].filter((note) => note != null);
}

/** Where the data is; of another's database the place, never the password. */
export function dataOf({ config, embedded }: News): string {
  if (embedded) return embedded.directory;
  const { host, pathname } = new URL(config.values.DATABASE_URL);
  return `postgresql://${host}${pathname}`;
}

/** A line for the shell that works as it is. */
export function curlOf(token: string, api: string): string {
  return `curl -H 'Authorization: Bearer ${token}' ${api}/api/v1/users`;
}

/** The one line on stdout by which whoever started this process learns that it is ready. */
export function readyLine(news: News): string {
  const urls = urlsOf(news);
  const { administrator, token, startMs } = news;
  return JSON.stringify({
    ready: true,
    version: VERSION,
    urls,
    administrator: {
      ...(administrator && { email: administrator.email }),
      ...(administrator?.oneTimePassword && { oneTimePassword: administrator.oneTimePassword }),
      reset: RESET,
    },
    ...(token && { token, ...(urls['api'] && { curl: curlOf(token, urls['api']) }) }),
    data: dataOf(news),
    notes: notesOf(news),
    startMs,
  });
}
