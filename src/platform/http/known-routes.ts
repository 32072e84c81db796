import type { FastifyInstance } from 'fastify';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

interface KnownRoute {
  readonly methods: readonly string[];
  readonly pattern: RegExp;
}

const known = new WeakMap<object, KnownRoute[]>();

/** Remembers each route as it is registered, for a router tells by path only which pattern it was given. */
export function rememberRoutes(instance: FastifyInstance): void {
  const routes: KnownRoute[] = [];
  known.set(instance.server, routes);
  instance.addHook('onRoute', ({ method, url }) => {
    routes.push({ methods: [method].flat(), pattern: patternOf(url) });
  });
}

/** The methods that a path has, as it stands in a request's URL. Each method is routed apart, so theirs is the union. */
export function methodsAt(instance: FastifyInstance, path: string): string[] {
  const fitting = (known.get(instance.server) ?? []).filter(({ pattern }) => pattern.test(path));
  return METHODS.filter((method) => fitting.some(({ methods }) => methods.includes(method)));
}

/** `:name` is one segment, `*` is whatever is left. */
function patternOf(url: string): RegExp {
  const source = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:\w+/g, '[^/]+')
    .replaceAll('*', '.*');
  return new RegExp(`^${source}$`);
}
