import { XMLValidator } from 'fast-xml-parser';

import { bodied, isList, offersOf, represents, writes } from './honest.js';
import type { Honest, Operation } from './honest.js';
import type { Convention } from './convention.js';

const media = (type: unknown): string => String(type ?? '').split(';')[0]!;
const says = (header: unknown, word: string): boolean =>
  String(header ?? '')
    .toLowerCase()
    .split(/\s*,\s*/)
    .includes(word.toLowerCase());

async function answersAs(
  honest: Honest,
  operation: Operation,
  accept: string,
  expected: string,
): Promise<string | null> {
  const { status, headers, text } = await honest.ask(operation, { headers: { accept } });
  if (status >= 300) return `${status} for Accept: ${accept}`;
  if (media(headers['content-type']) !== expected) return `${headers['content-type']} for Accept: ${accept}`;
  if (expected === 'application/xml' && XMLValidator.validate(text) !== true) return 'XML that is not well-formed';
  return null;
}

export const NEGOTIATION: readonly Convention[] = [
  {
    name: 'answers JSON unless something else is asked for',
    on: represents,
    prove: async (honest, operation) =>
      (await answersAs(honest, operation, '*/*', 'application/json')) ??
      (await answersAs(honest, operation, 'application/pdf, */*;q=0.1', 'application/json')),
  },
  {
    name: 'answers XML',
    on: represents,
    prove: (honest, operation) => answersAs(honest, operation, 'application/xml', 'application/xml'),
  },
  {
    name: 'weighs what is accepted',
    on: represents,
    prove: async (honest, operation) =>
      (await answersAs(honest, operation, 'application/json;q=0.2, application/xml;q=0.8', 'application/xml')) ??
      (await answersAs(honest, operation, 'application/xml;q=0, */*', 'application/json')),
  },
  {
    name: 'answers CSV and NDJSON where it lists',
    on: isList,
    prove: async (honest, operation) =>
      (await answersAs(honest, operation, 'text/csv', 'text/csv')) ??
      (await answersAs(honest, operation, 'application/x-ndjson', 'application/x-ndjson')),
  },
  {
    name: 'says that its answer depends on Accept',
    on: represents,
    prove: async (honest, operation) => {
      const { headers } = await honest.ask(operation);
      return says(headers.vary, 'Accept') ? null : `Vary: ${headers.vary}`;
    },
  },
  {
    name: 'refuses what cannot be answered, lists its offers, and does nothing',
    on: represents,
    prove: async (honest, operation) => {
      const at = await honest.occasion(operation);
      const before = await factsOf(honest, at.victim.id);
      const { status, text } = await honest.send(operation, at, { headers: { accept: 'image/png' } });
      if (status !== 406) return `${status}, not 406`;
      const missing = offersOf(operation).filter((offer) => !text.includes(offer));
      if (missing.length > 0) return `does not offer ${missing.join(', ')}`;
      return (await factsOf(honest, at.victim.id)) === before ? null : 'was done all the same';
    },
  },
  {
    name: 'takes XML where it takes JSON (POST, PUT), and refuses other bodies with what it takes',
    on: (operation) => writes(operation) && bodied(operation),
    prove: async (honest, operation) => {
      const { status, headers } = await honest.ask(operation, { headers: { 'content-type': 'text/plain' } });
      if (status !== 415) return `${status} for text/plain`;
      const field = { POST: 'accept-post', PATCH: 'accept-patch', PUT: 'accept' }[operation.method];
      const offered = String(headers[field!] ?? '');
      const documented = Object.keys(operation.documented.requestBody!.content);
      const missing = documented.filter((type) => !offered.includes(type));
      if (missing.length > 0) return `${field}: ${offered} lacks ${missing.join(', ')}`;
      if (operation.method !== 'PATCH' && !documented.includes('application/xml')) return 'takes no XML';
      return operation.method === 'PATCH' && !documented.includes('application/merge-patch+json')
        ? 'takes no merge patch'
        : null;
    },
  },
];

async function factsOf(honest: Honest, id: string): Promise<number> {
  const [row] = await honest.app.sql<{ count: number }>(
    'SELECT count(*)::int AS count FROM roster.events WHERE subject = $1',
    [`users/${id}`],
  );
  return row!.count;
}
