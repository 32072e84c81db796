import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

import { permissions } from '../../src/platform/contract/permission.js';
import { problems } from '../../src/platform/contract/problem.js';
import { operationsOf } from '../../src/platform/http/document.js';
import type { DocumentedOperation } from '../../src/platform/http/documented.js';
import { TestApp } from '../harness/app.js';

interface Property {
  $ref?: string;
  type?: string | string[];
  description?: string;
  example?: unknown;
  readOnly?: boolean;
  enum?: unknown[];
  format?: string;
  items?: Property;
  maxLength?: number;
  maxItems?: number;
  maximum?: number;
  minimum?: number;
  properties?: Record<string, Property>;
  allOf?: Property[];
  anyOf?: Property[];
}
interface Parameter {
  name: string;
  in: string;
  description?: string;
  required?: boolean;
  schema: Property;
}
interface Media {
  schema: Property;
  example?: unknown;
  examples?: Record<string, { summary?: string; value: Record<string, unknown> }>;
}

const ROWS = ['text/csv', 'application/x-ndjson'];

/** Walks the document: what API.md promises of each operation and each property, proved for all of them. */
describe('the document', () => {
  let app: TestApp;
  let operations: { path: string; method: string; operation: DocumentedOperation }[];
  let components: Record<string, Property>;
  let ajv: Ajv2020;

  beforeAll(async () => {
    app = await TestApp.start();
    operations = operationsOf(app.app.document);
    components = app.app.document.components!.schemas as Record<string, Property>;
    ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv);
    ajv.addFormat('idn-email', true);
    ajv.addSchema({ $id: 'https://test.invalid/', components: { schemas: components } });
  });
  afterAll(() => app.stop());

  /** One line for each operation that fails; none is what we want. */
  const faults = (find: (operation: DocumentedOperation, path: string, method: string) => string[]): string[] =>
    operations.flatMap(({ operation, path, method }) =>
      find(operation, path, method).map((fault) => `${operation.operationId ?? `${method} ${path}`}: ${fault}`),
    );
  const when = (wrong: boolean, fault: string): string[] => (wrong ? [fault] : []);

  function refusal(schema: Property, value: unknown): string | null {
    const local = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"https://test.invalid/#/')) as object;
    const validate = ajv.compile(local);
    return validate(value) ? null : ajv.errorsText(validate.errors);
  }

  it('shows every row format with rows', () => {
    const shown = operations.flatMap(({ operation }) =>
      ROWS.map((type) => (operation.responses['200']?.content?.[type] as Media | undefined)?.example).filter(Boolean),
    );
    expect(shown.length).toBeGreaterThan(1);
    for (const example of shown) expect(String(example)).toMatch(/^.*id.*\r?\n/);
  });

  it('has operations, and an address for each method at most once', () => {
    expect(operations.length).toBeGreaterThan(20);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('names, sums up, files and guards each operation', () => {
    const tags = new Set(app.app.document.tags!.map(({ name }) => name));
    const found = faults((operation) => [
      ...when(
        !/^[a-z][a-zA-Z]*\.[a-z][a-zA-Z]*$/.test(operation.operationId),
        'its operationId is not like users.list',
      ),
      ...when(!operation.summary || operation.summary.length > 80, 'no short summary'),
      ...when(operation.tags?.length !== 1 || !tags.has(operation.tags[0]!), 'not filed under one known tag'),
      ...when(!operation['x-permission'], 'no x-permission'),
      ...(operation['x-permission'] ?? '')
        .split(' ')
        .flatMap((name) =>
          when(!['public', 'authenticated'].includes(name) && !permissions.has(name), `unknown permission ${name}`),
        ),
      ...when((operation['x-permission'] === 'public') !== (operation.security?.length === 0), 'security is not true'),
    ]);
    expect(found).toEqual([]);
  });

  it('has no tag without an operation and none without a description', () => {
    const used = new Set(operations.flatMap(({ operation }) => operation.tags ?? []));
    for (const { name, description } of app.app.document.tags!)
      expect([name, used.has(name), !!description]).toEqual([name, true, true]);
  });

  it('describes each parameter, with an example that fits and a limit', () => {
    const found = faults((operation, path) => {
      const parameters = (operation.parameters ?? []) as Parameter[];
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      return [
        ...inPath.flatMap((name) =>
          when(!parameters.some((each) => each.in === 'path' && each.name === name), `${name} is not described`),
        ),
        ...parameters.flatMap(({ name, description, schema }) => [
          ...when(!description, `${name} has no description`),
          ...when(!isBounded(schema), `${name} has no limit`),
          ...(name === 'cursor' ? [] : when(schema.example === undefined, `${name} has no example`)),
          ...(schema.example === undefined ? [] : [refusal(schema, schema.example) ?? []].flat()),
        ]),
      ];
    });
    expect(found).toEqual([]);
  });

  it('writes bodies as components, with an example that their schema accepts', () => {
    const found = faults((operation) => {
      // A file is of whoever wrote it.
      const requests = operation['x-streamed-body'] ? [] : Object.entries(operation.requestBody?.content ?? {});
      const answers = Object.entries(operation.responses)
        .filter(([status]) => status.startsWith('2'))
        .flatMap(([, { content = {} }]) => Object.entries(content));
      // Pages, rows and streams are texts.
      const isPage = ([type]: [string, unknown]): boolean => ['text/html', 'text/event-stream', ...ROWS].includes(type);
      return [...requests, ...answers.filter((each) => !isPage(each))].flatMap(([type, media]) => {
        const { schema, example, examples = {} } = media as Media;
        const shown = [
          ...Object.values(examples).map(({ value }) => value),
          ...(example === undefined ? [] : [example]),
        ];
        return [
          ...when(!schema?.$ref, `${type} is no component`),
          ...when(shown.length === 0, `${type} has no example`),
          ...shown.flatMap((value) => (schema ? [refusal(schema, value) ?? []].flat() : [])),
        ];
      });
    });
    expect(found).toEqual([]);
  });

  it('reads merge patches with PATCH and nothing else', () => {
    const found = faults((operation, _path, method) => {
      const types = Object.keys(operation.requestBody?.content ?? {});
      const right = ['application/json', method === 'patch' ? 'application/merge-patch+json' : 'application/xml'];
      return when(
        types.length > 0 && !operation['x-streamed-body'] && types.sort().join() !== right.join(),
        `it reads ${types.join()}`,
      );
    });
    expect(found).toEqual([]);
  });

  it('answers each operation well once, and documents its problems', () => {
    const found = faults((operation) => {
      const statuses = Object.keys(operation.responses);
      const shown = Object.entries(operation.responses).flatMap(([status, { content = {} }]) =>
        Object.entries((content['application/problem+json'] as Media | undefined)?.examples ?? {}).map(
          ([code, { value }]) => ({ status, code, value }),
        ),
      );
      return [
        ...when(!statuses.some((status) => status.startsWith('2')), 'no 2xx'),
        ...when(!statuses.includes('default'), 'no default'),
        ...when(operation['x-permission'] !== 'public' && !statuses.includes('401'), 'no 401'),
        ...shown.flatMap(({ status, code, value }) => [
          ...when(String(problems.get(code)?.status) !== status || value['code'] !== code, `${code} under ${status}`),
          ...[refusal({ $ref: '#/components/schemas/Problem' }, value) ?? []].flat(),
        ]),
      ];
    });
    expect(found).toEqual([]);
  });

  it('describes each property of each component, with an example that fits and a limit', () => {
    const found = Object.entries(components).flatMap(([component, { properties = {}, enum: values }]) => {
      if (values) return [];
      return Object.entries(properties).flatMap(([name, property]) => {
        const isOther = Boolean(property.$ref ?? property.allOf ?? property.items?.$ref);
        return [
          ...when(!property.description, 'no description'),
          ...when(!isOther && property.example === undefined, 'no example'),
          // What the caller may only repeat is compared with what is there, whatever its form.
          ...when(!isBounded(property) && !property.readOnly, 'no limit'),
          ...(property.example === undefined ? [] : [refusal(property, property.example) ?? []].flat()),
        ].map((fault) => `${component}.${name}: ${fault}`);
      });
    });
    expect(found).toEqual([]);
  });

  /** Text has a longest, numbers have a least, lists of our own have a most; formats bound themselves. */
  function isBounded(property: Property): boolean {
    const types = [property.type ?? []].flat();
    if (property.enum ?? property.format) return true;
    if (types.includes('string')) return property.maxLength !== undefined;
    if (types.includes('integer') || types.includes('number')) return property.minimum !== undefined;
    if (types.includes('array') && property.items && !property.items.$ref) return property.maxItems !== undefined;
    return true;
  }
});
