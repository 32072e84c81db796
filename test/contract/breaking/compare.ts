import { brokenBetween } from './schemas.js';
import type { Direction, Schema, Schemas } from './schemas.js';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}
type Content = Readonly<Record<string, { readonly schema?: Schema }>>;
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content; readonly headers?: object }>>;
  readonly security?: readonly object[];
  readonly 'x-permission'?: string;
}
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

/**
 * What a client of the old document would stumble over in the new one, in words, each with its operation: by the usual
 * rules that a request may not be asked for more and an answer may not hold less. Additions break nothing.
 */
export function breakingChanges(old: Document, now: Document): string[] {
  return Object.entries(old.paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, before]) => {
      const after = now.paths[path]?.[method];
      if (!after) return [`${before.operationId}: ${method.toUpperCase()} ${path} is gone`];
      const faults = [
        ...nameFaults(before, after),
        ...parameterFaults(before, after, old, now),
        ...bodyFaults(before, after, old, now),
        ...answerFaults(before, after, old, now),
      ];
      return [...new Set(faults)].map((fault) => `${before.operationId}: ${fault}`);
    }),
  );
}

function nameFaults(before: Operation, after: Operation): string[] {
  const [was, is] = [before['x-permission'] ?? '', after['x-permission'] ?? ''];
  const added = is.split(' ').filter((permission) => !was.split(' ').includes(permission));
  const stricter = was !== is && is !== 'public' && !(is === 'authenticated' && was !== 'public');
  return [
    ...(before.operationId === after.operationId ? [] : [`is now called ${after.operationId}`]),
    ...(stricter && added.length > 0 ? [`now wants ${added.join(' ')}, no longer ${was}`] : []),
    ...((before.security?.length ?? 0) === 0 && (after.security?.length ?? 0) > 0 ? ['now wants a token'] : []),
  ];
}

function parameterFaults(before: Operation, after: Operation, old: Document, now: Document): string[] {
  const find = ({ parameters = [] }: Operation, { name, in: place }: Parameter): Parameter | undefined =>
    parameters.find((each) => each.name === name && each.in === place);
  const kept = (before.parameters ?? []).flatMap((parameter) => {
    const present = find(after, parameter);
    if (!present) return [`the parameter "${parameter.name}" is gone`];
    const required = present.required && !parameter.required;
    return [
      ...(required ? [`the parameter "${parameter.name}" is now required`] : []),
      ...compare(parameter.schema, present.schema, old, now, 'request', parameter.name),
    ];
  });
  const added = (after.parameters ?? []).filter((parameter) => parameter.required && !find(before, parameter));
  return [...kept, ...added.map(({ name }) => `the new parameter "${name}" is required`)];
}

function bodyFaults(
  { requestBody: was }: Operation,
  { requestBody: is }: Operation,
  old: Document,
  now: Document,
): string[] {
  const required = is?.required && !was?.required ? ['a body is now required'] : [];
  return [...required, ...contentFaults(was?.content ?? {}, is?.content ?? {}, old, now, 'request')];
}

function answerFaults(before: Operation, after: Operation, old: Document, now: Document): string[] {
  return Object.entries(before.responses)
    .filter(([status]) => status.startsWith('2'))
    .flatMap(([status, was]) => {
      const is = after.responses[status];
      if (!is) return [`no longer answers ${status}`];
      const headers = Object.keys(was.headers ?? {}).filter((name) => !(name in (is.headers ?? {})));
      return [
        ...headers.map((name) => `the answer lost the header ${name}`),
        ...contentFaults(was.content ?? {}, is.content ?? {}, old, now, 'answer'),
      ];
    });
}

function contentFaults(was: Content, is: Content, old: Document, now: Document, direction: Direction): string[] {
  return Object.entries(was).flatMap(([type, { schema: before }]) => {
    const media = is[type];
    if (!media) return [`${direction === 'answer' ? 'no longer answers' : 'no longer takes'} ${type}`];
    return before && media.schema ? compare(before, media.schema, old, now, direction) : [];
  });
}

function compare(
  before: Schema,
  after: Schema,
  old: Document,
  now: Document,
  direction: Direction,
  place?: string,
): string[] {
  return brokenBetween([before, old.components.schemas], [after, now.components.schemas], direction, place);
}
