import { randomUUID } from 'node:crypto';

import type { Convention } from './convention.js';
import { bodied, isPublic, offersOf, represents, takes, writes } from './honest.js';
import type { Operation } from './honest.js';

const by =
  (...methods: readonly string[]) =>
  ({ method }: Operation): boolean =>
    methods.includes(method);

const ENDS_SESSION = ['auth.logout', 'auth.stepUp'];

/** What was only begun answers how it goes on. */
const isDone = ({ documented }: Operation): boolean => !('202' in documented.responses);

export const DEEDS: readonly Convention[] = [
  {
    name: 'tells where what it made is, and in which version',
    on: ({ documented }) => '201' in documented.responses,
    prove: async (honest, operation) => {
      const at = await honest.occasion(operation);
      const { status, headers } = await honest.send(operation, at);
      if (status !== 201 || !headers.location || !/^"\d+\.json"$/.test(String(headers.etag)))
        return `${status}, Location ${headers.location}, ETag ${headers.etag}`;
      const made = await at.admin.get(String(headers.location));
      return made.status === 200 ? null : `Location answers ${made.status}`;
    },
  },
  {
    name: 'gives a replay the answer that was given, and another body none',
    on: (operation) => by('POST')(operation) && !isPublic(operation),
    prove: async (honest, operation) => {
      if (!takes(operation, 'Idempotency-Key')) return 'does not document Idempotency-Key';
      const at = await honest.occasion(operation);
      const headers = { 'idempotency-key': randomUUID() };
      const first = await honest.send(operation, at, { headers });
      // Whoever signed out, or has a new session, has no token to come back with.
      if (ENDS_SESSION.includes(operation.operationId)) return first.status < 300 ? null : `${first.status}`;
      const again = await honest.send(operation, at, { headers });
      if (first.status >= 300 || again.status !== first.status) return `${first.status}, then ${again.status}`;
      if (again.headers['idempotency-replayed'] !== 'true') return 'does not say that it is a replay';
      if (again.text !== first.text || again.headers.location !== first.headers.location) return 'answers otherwise';
      if (!bodied(operation)) return null;
      const other = await honest.send(operation, at, { headers, body: { ...at.body, name: 'Somebody Else' } });
      return other.status === 422 ? null : `${other.status} for another body`;
    },
  },
  {
    name: 'leaves the representation out for whoever prefers that',
    on: (operation) =>
      by('POST', 'PUT', 'PATCH')(operation) && represents(operation) && !isPublic(operation) && isDone(operation),
    prove: async (honest, operation) => {
      const { status, text, headers } = await honest.ask(operation, { headers: { prefer: 'return=minimal' } });
      if (status !== 201 && status !== 204) return `${status}`;
      if (text !== '') return 'has a body';
      return headers['preference-applied'] === 'return=minimal'
        ? null
        : `Preference-Applied: ${headers['preference-applied']}`;
    },
  },
  {
    name: 'gives nothing to whoever has this version',
    on: (operation) => by('GET')(operation) && versioned(operation),
    prove: async (honest, operation) => {
      const at = await honest.occasion(operation);
      const etag = String((await honest.send(operation, at)).headers.etag);
      const again = await honest.send(operation, at, { headers: { 'if-none-match': `"0.json", ${etag}` } });
      if (again.status !== 304 || again.text !== '') return `${again.status} for its own ETag ${etag}`;
      const asXml = await honest.send(operation, at, { headers: { 'if-none-match': etag, accept: 'application/xml' } });
      return asXml.status === 200 && asXml.headers.etag !== etag ? null : `XML with the ETag ${asXml.headers.etag}`;
    },
  },
  {
    name: 'refuses whoever saw another version',
    // A list has no version: whoever empties one means whatever is in it.
    on: (operation, all) =>
      by('PUT', 'PATCH', 'DELETE')(operation) && !operation.isOnList && hasVersions(operation, all),
    prove: async (honest, operation) => {
      if (!takes(operation, 'If-Match')) return 'does not document If-Match';
      const stale = await honest.ask(operation, { headers: { 'if-match': '"99.json"' } });
      if (stale.status !== 412) return `${stale.status} for a stale version`;
      const listed = await honest.ask(operation, { headers: { 'if-match': '"99.json", "1.xml"' } });
      if (listed.status >= 300) return `${listed.status} for a list that holds the version`;
      const any = await honest.ask(operation, { headers: { 'if-match': '*' } });
      return any.status < 300 ? null : `${any.status} for *`;
    },
  },
  {
    name: 'names a member that nobody knows, and whatever is no object',
    on: (operation) => writes(operation) && bodied(operation),
    prove: async (honest, operation) => {
      const at = await honest.occasion(operation);
      type Refusal = { errors?: { pointer?: string; code: string }[] };
      const strange = await honest.send<Refusal>(operation, at, { body: { ...at.body, nobodyKnows: 1 } });
      const fault = strange.body.errors?.find(({ pointer }) => pointer === '/nobodyKnows');
      if (strange.status !== 422 || fault?.code !== 'unknown_member') return `${strange.status} for an unknown member`;
      const list = await honest.send(operation, at, { body: [] });
      return list.status === 422 ? null : `${list.status} for a list`;
    },
  },
];

/** Whatever is read at this address without a version, such as a list, has none to be compared. */
function hasVersions({ path }: Operation, all: readonly Operation[]): boolean {
  const read = all.find((other) => other.path === path && other.method === 'GET');
  return read === undefined || versioned(read);
}

function versioned(operation: Operation): boolean {
  const happy = operation.documented.responses['200'];
  return offersOf(operation).includes('application/json') && happy?.headers?.['ETag'] !== undefined;
}
