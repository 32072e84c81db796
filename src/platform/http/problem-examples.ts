import type { FieldFault, ProblemDefinition } from '../contract/problem.js';
import type { Schema } from './examples.js';
import type { ProblemBody } from './problem-body.js';

/** As much of an operation as its problems tell of. */
interface Asked {
  readonly parameters?: readonly { readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: object }>> };
  readonly 'x-permission'?: string;
}

type Told = NonNullable<ProblemDefinition['told']>;

/**
 * A problem as it is really answered.
 * @param asked the operation that answers it, if it is shown there, and the components that its body refers to
 */
export function exampleOfProblem(
  { code, status, title, told }: ProblemDefinition,
  { instance, base = 'https://id.example.com' }: { readonly instance: string; readonly base?: string },
  asked: Asked = ANY,
  components: Readonly<Record<string, Schema>> = {},
): ProblemBody {
  const { detail, errors } = told ?? BY_CODE[code]?.(asked, components) ?? {};
  return {
    type: `${base}/problems/${code}`,
    title,
    status,
    code,
    ...(detail ? { detail } : {}),
    instance: instance.replace(/\{\w*id\}/gi, '01a1fb89-a690-7530-90c7-ac334b01292e'),
    requestId: '01a1fb89-b2c4-7a10-8c55-0d3f6a1e9b70',
    ...(errors ? { errors } : {}),
  };
}

const ANY: Asked = { parameters: [{ name: 'limit' }], 'x-permission': 'users:read' };

/** What these tell depends on what was asked. */
const BY_CODE: Record<string, (asked: Asked, components: Readonly<Record<string, Schema>>) => Told> = {
  malformed_request: () => ({ detail: 'The body is not well-formed JSON' }),
  permission_denied: ({ 'x-permission': needed = '' }) => ({
    detail: `This needs the permission ${needed.split(' ')[0]}`,
  }),
  scope_insufficient: ({ 'x-permission': needed = '' }) => ({
    detail: `This key lacks the scope ${needed === 'authenticated' ? 'me' : needed.split(' ')[0]}`,
  }),
  parameter_invalid: ({ parameters = [] }) => {
    const name = ['limit', 'id', 'If-Match'].find((known) => parameters.some((parameter) => parameter.name === known));
    return PARAMETERS[name ?? 'id']!;
  },
  validation_failed: ({ requestBody }, components) => {
    const reference = (requestBody?.content['application/json']?.schema as Schema | undefined)?.$ref;
    const errors = faultsIn(components[reference?.split('/').at(-1) ?? ''] ?? USUAL);
    return { detail: errors.length === 1 ? '1 member is wrong' : `${errors.length} members are wrong`, errors };
  },
};

const PARAMETERS: Record<string, Told> = {
  limit: {
    detail: 'must be a whole number from 1 to 200',
    errors: [{ parameter: 'limit', code: 'limit_invalid', detail: 'must be a whole number from 1 to 200' }],
  },
  id: {
    detail: 'The id in the path must be a UUID',
    errors: [{ parameter: 'id', code: 'id_invalid', detail: 'must be a UUID' }],
  },
  'If-Match': {
    detail: 'If-Match takes one ETag',
    errors: [{ parameter: 'If-Match', code: 'given_twice', detail: 'must be one ETag, or *' }],
  },
};

const USUAL: Schema = { properties: { email: { type: 'string', format: 'idn-email' } } };

/** The first member in a wrong form, and a member that nobody knows: what goes wrong most. */
function faultsIn({ properties = {} }: Schema): FieldFault[] {
  const [[name, property] = ['', {} as Schema]] = Object.entries(properties);
  const pointer = `/${name}`;
  const wrong =
    property.format === 'idn-email'
      ? { pointer, code: 'email_invalid', detail: 'must be an e-mail address' }
      : { pointer, code: 'type_invalid', detail: `must be ${WORDS[String(property.type)] ?? 'of its type'}` };
  return [wrong, { pointer: '/nickname', code: 'unknown_member', detail: 'is not a member of this request' }];
}

/** The words of the validators (properties.ts). */
const WORDS: Record<string, string> = {
  string: 'a text',
  array: 'a list',
  boolean: 'true or false',
  object: 'an object',
};
