import { idsIn } from '../../harness/scenes.js';
import type { Convention } from './convention.js';
import { isList, isPublic, takes } from './honest.js';

const NOBODY = '01a1fb89-a690-7530-90c7-ac334b012900';

/** How long the answer may be kept: never without asking again. */
const CACHING = /no-store|no-cache|public, max-age=\d+/;

export const ACCESS: readonly Convention[] = [
  {
    name: 'asks for a token by a challenge',
    on: (operation) => !isPublic(operation),
    prove: async (honest, operation) => {
      const { status, headers } = await honest.ask(operation, { anonymous: true });
      return status === 401 && String(headers['www-authenticate']).startsWith('Bearer')
        ? null
        : `${status}, WWW-Authenticate: ${headers['www-authenticate']}`;
    },
  },
  {
    name: 'says which id an answer has, how long it may be kept, and what is safe',
    on: () => true,
    prove: async (honest, operation) => {
      const { headers } = await honest.ask(operation, { headers: { 'x-request-id': 'convention-1' } });
      if (headers['x-request-id'] !== 'convention-1') return `X-Request-Id: ${headers['x-request-id']}`;
      if (!CACHING.test(String(headers['cache-control']))) return `Cache-Control: ${headers['cache-control']}`;
      if (headers['x-content-type-options'] !== 'nosniff') return 'no X-Content-Type-Options';
      return String(headers['content-security-policy']).includes('frame-ancestors')
        ? null
        : 'no Content-Security-Policy';
    },
  },
  {
    name: 'tells of its limits',
    on: ({ path }) => !path.startsWith('/health'),
    prove: async (honest, operation) => {
      const { headers } = await honest.ask(operation);
      if (!/^"\w[\w-]*";q=\d+;w=\d+/.test(String(headers['ratelimit-policy'])))
        return `RateLimit-Policy: ${headers['ratelimit-policy']}`;
      return /^"\w[\w-]*";r=\d+;t=\d+/.test(String(headers['ratelimit'])) ? null : `RateLimit: ${headers['ratelimit']}`;
    },
  },
  {
    name: 'has HEAD where it has GET, OPTIONS everywhere, and names its methods to whoever tries others',
    on: () => true,
    prove: async (honest, operation) => {
      const at = await honest.occasion(operation);
      const options = await honest.send(operation, at, { method: 'OPTIONS', body: undefined });
      const allowed = String(options.headers.allow).split(', ');
      if (options.status !== 204 || !allowed.includes(operation.method))
        return `OPTIONS ${options.status} ${options.headers.allow}`;
      const other = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].find((method) => !allowed.includes(method))!;
      const wrong = await honest.send(operation, at, { method: other, body: undefined });
      if (wrong.status !== 405 || wrong.headers.allow !== options.headers.allow) return `${other} ${wrong.status}`;
      if (operation.method !== 'GET') return null;
      const [get, head] = [await honest.send(operation, at), await honest.send(operation, at, { method: 'HEAD' })];
      if (head.text !== '') return 'HEAD has a body';
      return head.status === get.status && head.headers['content-type'] === get.headers['content-type']
        ? null
        : 'HEAD differs from GET';
    },
  },
  {
    name: 'tells an id that is none from one that nobody has',
    on: ({ path }) => idsIn(path).length > 0,
    prove: async (honest, operation) => {
      const at = await honest.occasion(operation);
      for (const name of idsIn(operation.path)) {
        const none = await honest.send(operation, at, { url: at.elsewhere({ [name]: 'no-id' }) });
        if (none.status !== 400) return `${none.status} for no ${name}`;
        const nobody = await honest.send(operation, at, { url: at.elsewhere({ [name]: NOBODY }) });
        if (nobody.status !== 404) return `${nobody.status} for nobody's ${name}`;
      }
      return null;
    },
  },
  {
    name: 'lists in pages, forth and back, with links, and names wrong parameters',
    on: isList,
    prove: async (honest, operation) => {
      const at = await honest.occasion(operation);
      await Promise.all([honest.app.people.user(), honest.app.people.user()]);
      type Page = { data: { id: string }[]; page: { nextCursor: string | null; prevCursor: string | null } };
      const first = await honest.send<Page>(operation, at, { url: `${at.url}?limit=1` });
      if (first.body.data.length !== 1 || !String(first.headers.link).includes('rel="next"'))
        return `Link: ${first.headers.link}`;
      const second = await honest.send<Page>(operation, at, {
        url: `${at.url}?limit=1&cursor=${first.body.page.nextCursor}`,
      });
      const back = await honest.send<Page>(operation, at, {
        url: `${at.url}?limit=1&cursor=${second.body.page.prevCursor}`,
      });
      if (back.body.data[0]?.id !== first.body.data[0]?.id) return 'does not find the way back';
      for (const query of [
        'limit=0',
        'limit=201',
        'cursor=forged',
        'sort=nothing',
        'filter=nothing',
        'fields=nothing',
        'count=nothing',
        'nothing=1',
      ]) {
        const { status } = await honest.send(operation, at, { url: `${at.url}?${query}` });
        if (status !== 400) return `${status} for ${query}`;
      }
      const missing = ['limit', 'cursor', 'sort', 'filter', 'fields', 'count'].filter(
        (name) => !takes(operation, name),
      );
      return missing.length === 0 ? null : `lacks ${missing.join(', ')}`;
    },
  },
];
