import type { INestApplication } from '@nestjs/common';
import { getSchemaPath } from '@nestjs/swagger';

import { schemasOfQuestions } from '../../src/broker/answers.js';
import { BrokerModule } from '../../src/broker/index.js';
import { SUBJECTS } from '../../src/broker/event-stream.js';
import { dataSchemaOf, eventTypes } from '../../src/platform/contract/event.js';
import { questions } from '../../src/platform/contract/question.js';
import { exampleOf } from '../../src/platform/http/examples.js';
import type { Schema } from '../../src/platform/http/examples.js';
import { VERSION } from '../../src/platform/telemetry/version.js';

type Json = Readonly<Record<string, unknown>>;

/** A message that Roster sends, or is sent. */
export interface Message {
  /** The channel's, the operation's and the message's. */
  readonly name: string;
  readonly server: keyof typeof SERVERS;
  /** The subject, or the name of the socket's event. */
  readonly address: string;
  readonly action: 'send' | 'receive';
  readonly about: string;
  readonly contentType?: string;
  readonly headers?: Json;
  readonly payload: Json;
  readonly example?: unknown;
  /** What it is answered, where it is. */
  readonly reply?: { readonly payload: Json; readonly example?: unknown };
  readonly permission?: string;
  readonly problems?: readonly string[];
}

const SERVERS = {
  nats: {
    host: 'nats.example.com:4222',
    protocol: 'nats',
    description: 'Yours, as `NATS_URL` says; events are kept by JetStream in the stream ROSTER_EVENTS',
  },
  realtime: { host: 'id.example.com', pathname: '/realtime', protocol: 'wss', description: 'socket.io' },
} as const;

const SECURITY = {
  account: {
    type: 'userPassword',
    description: 'A user of your NATS who may use these subjects; or a token, or a key',
  },
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token or a key of Roster' },
};

const NOTE = 'Generated: `npm run reference` writes it anew.';
/** What the tests define for themselves is no promise. */
const isPromise = (name: string): boolean => !name.startsWith('test');
const byName = <T extends { readonly name: string }>(all: readonly T[]): T[] =>
  [...all].sort((a, b) => (a.name < b.name ? -1 : 1));
const text = (description: string): Json => ({ type: 'string', description });

/** CloudEvents 1.0 in the JSON format. */
function cloudEventSchema(type: string, data: object): Json {
  return {
    type: 'object',
    properties: {
      specversion: { const: '1.0' },
      id: { type: 'string', format: 'uuid', description: 'The same everywhere and for ever: drop what you have had' },
      source: { type: 'string', format: 'uri', description: 'The public URL of this Roster' },
      type: { const: type },
      subject: text('What it is about, such as `users/<id>`; its events come in the order of its versions'),
      time: { type: 'string', format: 'date-time' },
      datacontenttype: { const: 'application/json' },
      data,
      subjectversion: { type: 'integer', description: 'The version of the subject after it' },
      sequence: text('Its place in the order of commits, which compares as text does'),
      dataref: {
        ...text('In place of `data` where the event is too large for your NATS: where to read it'),
        format: 'uri',
      },
    },
    required: ['specversion', 'id', 'source', 'type', 'time', 'sequence'],
    oneOf: [{ required: ['datacontenttype', 'data'] }, { required: ['dataref'] }],
    additionalProperties: false,
  };
}

/** Every kind of event, as it is published to NATS. */
export function eventMessages(): Message[] {
  return [...eventTypes.values()]
    .filter(({ type }) => isPromise(type))
    .map((event) => ({
      name: event.type,
      server: 'nats',
      address: `${SUBJECTS}.${event.type}`,
      action: 'send',
      about: event.about,
      contentType: 'application/cloudevents+json',
      headers: {
        type: 'object',
        properties: { 'Nats-Msg-Id': text('The id of the event: by it JetStream drops what it has already') },
      },
      payload: cloudEventSchema(event.type, dataSchemaOf(event)),
    }));
}

/** Every question that other services ask over NATS, by the schemas of `schemasOfQuestions`. */
export function questionMessages(schemas: Readonly<Record<string, Schema>>): Message[] {
  const refer = (shape: new () => object): { $ref: string } => ({ $ref: getSchemaPath(shape) });
  return [...questions.values()]
    .filter(({ name }) => isPromise(name))
    .map(({ name, about, permission, asks, answers, problems }) => ({
      name,
      server: 'nats',
      address: name,
      action: 'receive',
      about,
      headers: {
        type: 'object',
        properties: {
          authorization: text('`Bearer <access token or key>`'),
          'x-request-id': text('Under this id the log tells more'),
        },
        required: ['authorization'],
      },
      payload: refer(asks),
      example: exampleOf(refer(asks), schemas, { request: true }),
      reply: {
        payload: {
          oneOf: [envelope('data', refer(answers)), envelope('problem', { $ref: '#/components/schemas/Problem' })],
        },
        example: { data: exampleOf(refer(answers), schemas, { request: false }) },
      },
      permission: permission?.name ?? 'authenticated',
      problems: problems.map(({ definition }) => definition.code),
    }));
}

function envelope(member: string, schema: Json): Json {
  return { type: 'object', properties: { [member]: schema }, required: [member], additionalProperties: false };
}

/** The AsyncAPI document of all these messages. */
export function asyncApiDocument(messages: readonly Message[], schemas: Readonly<Record<string, Schema>>): Json {
  const all = byName(messages);
  const servers = Object.entries(SERVERS).filter(([name]) => all.some(({ server }) => server === name));
  const answered = all.filter(({ reply }) => reply !== undefined);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Roster',
      version: VERSION,
      description: `What Roster tells and answers outside HTTP. ${NOTE}`,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: Object.fromEntries(servers),
    channels: Object.fromEntries([...all.map(channelOf), ...answered.map(answerChannelOf)]),
    operations: Object.fromEntries(all.map(operationOf)),
    components: {
      messages: Object.fromEntries([...all.map(messageOf), ...answered.map(answerOf)]),
      schemas: plainAll(schemas),
      securitySchemes: SECURITY,
    },
  };
}

const answerName = (name: string): string => `${name}.answer`;
const refer = (...path: string[]): Json => ({ $ref: `#/${path.join('/')}` });

function channelOf({ name, address, server, about }: Message): [string, Json] {
  const messages = { [name]: refer('components', 'messages', name) };
  return [name, { address, description: about, servers: [refer('servers', server)], messages }];
}

/** Its address is the inbox of whoever asks. */
function answerChannelOf({ name, server }: Message): [string, Json] {
  const answer = answerName(name);
  const messages = { [answer]: refer('components', 'messages', answer) };
  return [answer, { servers: [refer('servers', server)], messages }];
}

function operationOf({ name, server, action, about, reply, permission, problems }: Message): [string, Json] {
  const answer = answerName(name);
  return [
    name,
    {
      action,
      summary: about,
      channel: refer('channels', name),
      messages: [refer('channels', name, 'messages', name)],
      ...(reply && {
        reply: { channel: refer('channels', answer), messages: [refer('channels', answer, 'messages', answer)] },
      }),
      security: [refer('components', 'securitySchemes', permission || server === 'realtime' ? 'bearer' : 'account')],
      ...(permission && { 'x-permission': permission }),
      ...(problems && { 'x-problems': problems }),
    },
  ];
}

function messageOf({ name, about, contentType, headers, payload, example }: Message): [string, Json] {
  const examples = example === undefined ? {} : { examples: [{ payload: example }] };
  return [
    name,
    { name, summary: about, ...(contentType && { contentType }), ...(headers && { headers }), payload, ...examples },
  ];
}

function answerOf({ name, reply }: Message): [string, Json] {
  const { payload, example } = reply!;
  const examples = example === undefined ? {} : { examples: [{ payload: example }] };
  const answer = answerName(name);
  return [answer, { name: answer, summary: `The answer to ${name}`, payload, ...examples }];
}

/** JSON Schema knows `examples`; OpenAPI's `example` and `xml`, and our own words on components, are none of its. */
function plain(schema: Schema): Json {
  const { example, properties, items, ...rest } = schema as Schema & Json;
  const words = Object.entries(rest)
    .filter(([word]) => word !== 'xml' && !word.startsWith('x-'))
    .map(([word, value]) => [word, PARTS.has(word) ? (value as Schema[]).map(plain) : value]);
  return {
    ...(Object.fromEntries(words) as Json),
    ...(properties && { properties: plainAll(properties) }),
    ...(items && { items: plain(items) }),
    ...(example !== undefined && { examples: [example] }),
  };
}

const PARTS = new Set(['anyOf', 'allOf', 'oneOf']);

function plainAll(schemas: Readonly<Record<string, Schema>>): Json {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, plain(schema)]));
}

/** A message of the socket, as the module that speaks over it declares them. */
export interface SocketMessage {
  readonly name: string;
  readonly from: 'client' | 'server';
  readonly about: string;
  readonly payload: object;
  readonly answer?: object;
  readonly example: object;
}

export function socketMessages(messages: readonly SocketMessage[]): Message[] {
  return messages.map(({ name, from, about, payload, answer, example }) => ({
    name: `realtime.${name}`,
    server: 'realtime',
    address: name,
    action: from === 'server' ? 'send' : 'receive',
    about,
    payload: payload as Json,
    example,
    ...(answer && { reply: { payload: answer as Json } }),
  }));
}

/** The document of this application; `more` is what it says beside NATS. */
export function asyncApiOf(app: INestApplication, more: readonly Message[] = []): Json {
  const schemas = schemasOfQuestions(app, BrokerModule).components!.schemas as Readonly<Record<string, Schema>>;
  return asyncApiDocument([...eventMessages(), ...questionMessages(schemas), ...more], schemas);
}

/** The references of a document that lead nowhere. */
export function danglingIn(document: Json): string[] {
  const leads = (reference: string): boolean =>
    reference
      .slice('#/'.length)
      .split('/')
      .reduce<unknown>((value, name) => (value as Json | undefined)?.[name], document) !== undefined;
  return [...new Set(referencesIn(document))].filter((reference) => !leads(reference));
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { $ref } = value as { $ref?: unknown };
  return [...(typeof $ref === 'string' ? [$ref] : []), ...Object.values(value).flatMap(referencesIn)];
}
