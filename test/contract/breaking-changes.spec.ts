import { readFileSync } from 'node:fs';

import { breakingChanges } from './breaking/compare.js';
import type { Document } from './breaking/compare.js';

type Tree = { [name: string]: Tree } & { [Symbol.iterator]?: never };

const read = (path: string): Document => JSON.parse(readFileSync(path, 'utf8')) as Document;
const present = read('docs/reference/openapi.json');

/** The present document with one change. */
function changed(change: (document: Tree) => void): Document {
  const document = structuredClone(present) as unknown as Tree;
  change(document);
  return document as unknown as Document;
}

const list = (document: Tree): Tree => document['paths']!['/api/v1/users']!['get']!;
const create = (document: Tree): Tree => document['paths']!['/api/v1/users']!['post']!;
const schema = (document: Tree, name: string): Tree => document['components']!['schemas']![name]!;
const property = (document: Tree, name: string, member: string): Tree => schema(document, name)['properties']![member]!;
const parameters = (operation: Tree): { name: string; required?: boolean; schema: Tree }[] =>
  operation['parameters'] as unknown as { name: string; required?: boolean; schema: Tree }[];
const put = (tree: Tree, name: string, value: unknown): void => void Object.assign(tree, { [name]: value });
const without = (tree: Tree, name: string): void => void Reflect.deleteProperty(tree, name);

describe('the document', () => {
  it('breaks nothing that the released one promised: else it is a new version of the API', () => {
    expect(breakingChanges(read('docs/reference/openapi.released.json'), present)).toEqual([]);
  });

  it.each<[string, (document: Tree) => void, string]>([
    [
      'an operation that is gone',
      (d) => without(d['paths']!['/api/v1/users']!, 'post'),
      'users.create: POST /api/v1/users is gone',
    ],
    ['a path that is gone', (d) => without(d['paths']!, '/api/v1/me'), 'me.get: GET /api/v1/me is gone'],
    ['another operationId', (d) => put(list(d), 'operationId', 'users.find'), 'users.list: is now called users.find'],
    [
      'a parameter that is gone',
      (d) =>
        put(
          list(d),
          'parameters',
          parameters(list(d)).filter(({ name }) => name !== 'count'),
        ),
      'users.list: the parameter "count" is gone',
    ],
    [
      'a parameter that must be given',
      (d) => (parameters(list(d)).find(({ name }) => name === 'sort')!.required = true),
      'users.list: the parameter "sort" is now required',
    ],
    [
      'a new parameter that must be given',
      (d) => parameters(list(d)).push({ name: 'tenant', required: true, schema: {} as Tree, in: 'query' } as never),
      'users.list: the new parameter "tenant" is required',
    ],
    [
      'a lower limit of a parameter',
      (d) => put(parameters(list(d)).find(({ name }) => name === 'limit')!.schema, 'maximum', 100),
      'users.list: "limit" has maximum 100, no longer 200',
    ],
    [
      'a member of an answer that is gone',
      (d) => without(schema(d, 'User')['properties']!, 'email'),
      'users.get: the answer lost "email"',
    ],
    [
      'a member of an answer that may be absent',
      (d) =>
        put(
          schema(d, 'User'),
          'required',
          (schema(d, 'User')['required'] as unknown as string[]).filter((name) => name !== 'name'),
        ),
      'users.get: "name" may now be absent',
    ],
    [
      'a member of an answer that may be null',
      (d) => put(property(d, 'User', 'name'), 'type', ['string', 'null']),
      'users.get: "name" may now be null',
    ],
    [
      'another type of an answer',
      (d) => put(property(d, 'User', 'version'), 'type', 'string'),
      'users.get: "version" may now be string',
    ],
    [
      'a state that no reader knows',
      (d) => put(schema(d, 'UserStatus'), 'enum', ['invited', 'active', 'suspended', 'deleted', 'locked']),
      'users.get: "status" may now be "locked"',
    ],
    [
      'an answer of any text where there was a list',
      (d) => without(schema(d, 'UserStatus'), 'enum'),
      'users.get: "status" may now be any text',
    ],
    [
      'a body that must be given',
      (d) => put(d['paths']!['/api/v1/auth/logout']!['post']!, 'requestBody', { required: true, content: {} }),
      'auth.logout: a body is now required',
    ],
    [
      'a list of a request that may be no longer empty',
      (d) => put(property(d, 'RolesRequest', 'roles'), 'minItems', 1),
      'users.assignRoles: "roles" has minItems 1, no longer none',
    ],
    [
      'a list of texts for a parameter that was free',
      (d) => put(parameters(list(d)).find(({ name }) => name === 'sort')!.schema, 'enum', ['email']),
      'users.list: "sort" may no longer be any text',
    ],
    [
      'a member of a request that must be given',
      (d) => put(schema(d, 'CreateUserRequest'), 'required', ['email', 'name', 'phone']),
      'users.create: "phone" is now required',
    ],
    [
      'a member of a request that is gone',
      (d) => without(schema(d, 'CreateUserRequest')['properties']!, 'phone'),
      'users.create: the request no longer takes "phone"',
    ],
    [
      'a shorter text in a request',
      (d) => put(property(d, 'CreateUserRequest', 'name'), 'maxLength', 100),
      'users.create: "name" has maxLength 100, no longer 200',
    ],
    [
      'a member of a request that may not be null',
      (d) => put(property(d, 'CreateUserRequest', 'phone'), 'type', 'string'),
      'users.create: "phone" may no longer be null',
    ],
    [
      'another pattern in a request',
      (d) => put(property(d, 'CreateUserRequest', 'phone'), 'pattern', '^x$'),
      'users.create: "phone" has to match another pattern',
    ],
    [
      'a format that is answered no longer',
      (d) => without(list(d)['responses']!['200']!['content']!, 'text/csv'),
      'users.list: no longer answers text/csv',
    ],
    [
      'a format that is taken no longer',
      (d) => without(create(d)['requestBody']!['content']!, 'application/xml'),
      'users.create: no longer takes application/xml',
    ],
    [
      'a status that is answered no longer',
      (d) => without(create(d)['responses']!, '201'),
      'users.create: no longer answers 201',
    ],
    [
      'a header that is gone',
      (d) => without(create(d)['responses']!['201']!['headers']!, 'Location'),
      'users.create: the answer lost the header Location',
    ],
    [
      'another permission',
      (d) => put(list(d), 'x-permission', 'users:read users:list'),
      'users.list: now wants users:list, no longer users:read',
    ],
    [
      'a token that is wanted',
      (d) => put(d['paths']!['/problems']!['get']!, 'security', [{ bearer: [] }]),
      'problems.list: now wants a token',
    ],
  ])('is found to break by %s', (_, change, words) => {
    expect(breakingChanges(present, changed(change))).toContain(words);
  });

  it.each<[string, (document: Tree) => void]>([
    ['a new operation', (d) => put(d['paths']!, '/api/v1/new', { get: { operationId: 'new.get', responses: {} } })],
    ['a new parameter', (d) => parameters(list(d)).push({ name: 'q', schema: {} as Tree, in: 'query' } as never)],
    ['a new member of an answer', (d) => put(schema(d, 'User')['properties']!, 'nickname', { type: 'string' })],
    [
      'a new member of a request',
      (d) => put(schema(d, 'CreateUserRequest')['properties']!, 'nickname', { type: 'string' }),
    ],
    ['a member of a request that may be left out', (d) => put(schema(d, 'CreateUserRequest'), 'required', ['email'])],
    ['a longer text in a request', (d) => put(property(d, 'CreateUserRequest', 'name'), 'maxLength', 500)],
    ['a new format', (d) => put(list(d)['responses']!['200']!['content']!, 'application/cbor', {})],
    ['a new problem', (d) => put(list(d)['responses']!, '418', { description: 'A teapot' })],
    ['an operation that wants less', (d) => put(list(d), 'x-permission', 'authenticated')],
    ['other words', (d) => put(property(d, 'User', 'name'), 'description', 'What they are called')],
  ])('breaks nothing by %s', (_, change) => {
    expect(breakingChanges(present, changed(change))).toEqual([]);
  });
});
