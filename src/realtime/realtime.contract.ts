import { defineProblem } from '../platform/contract/problem.js';

export const REALTIME_PATH = '/realtime';

/** The permission of whoever may see the events of everybody; the feed of events defines it. */
export const EVENTS_READ = 'events:read';

export class UpgradeRequired extends defineProblem('upgrade_required', 426, 'Here a WebSocket is wanted', {
  cause: 'At `/realtime` speaks socket.io (protocol 4), over WebSocket only: there is no long polling.',
  mend: 'Connect by a socket.io client of version 3 or later, with `path: "/realtime"` and `transports: ["websocket"]`.',
}) {}

export class OriginRefused extends defineProblem('origin_refused', 403, 'Pages of this origin may not connect', {
  cause: 'The `Origin` of the page is neither that of `PUBLIC_URL` nor one of `CORS_ORIGINS`.',
  mend: 'Open the page at its own address, or ask the operator to add its origin.',
}) {}

export class TooManySockets extends defineProblem('too_many_sockets', 429, 'Too many sockets are open', {
  cause: 'You, your address or everybody together hold as many sockets of this process as it keeps.',
  mend: 'Share one socket, close those that nobody needs, and try again after `Retry-After`.',
}) {}

export class SubscriptionInvalid extends defineProblem('subscription_invalid', 422, 'This cannot be subscribed to', {
  cause: 'The handshake or the message is not of the form that docs/reference/asyncapi.json describes.',
  mend: 'See `errors`: each points to a member and says what is allowed.',
  told: {
    errors: [{ pointer: '/events/types/0', code: 'event_type_unknown', detail: 'there is no event of this type' }],
  },
}) {}

export class ResumeTooLong extends defineProblem('resume_too_long', 409, 'Too much has happened since that event', {
  cause: 'More events lie between `lastEventId` and now than a socket is told of.',
  mend: 'Read what you missed from the feed of events, then connect with the id of the last one.',
}) {}

export class TokenOfAnother extends defineProblem('token_of_another', 403, 'This token is not of the same user', {
  cause: 'A socket stays with whom it was opened for; the fresh token is of somebody else.',
  mend: 'Open another socket for the other user.',
}) {}

export class TooManyMessages extends defineProblem('too_many_messages', 429, 'You send too many messages', {
  cause: 'A socket may send a hundred messages in ten seconds; a client that only listens sends hardly any.',
  mend: 'Connect again, and send less.',
}) {}

export class SlowReader extends defineProblem('slow_reader', 408, 'You read too slowly', {
  cause: 'More waited for you than is kept for one socket.',
  mend: 'Connect again with the id of the last event that you have had: nothing is lost.',
}) {}

/** One message of the socket, for the AsyncAPI document and for whoever writes a client. */
interface RealtimeMessage {
  readonly name: string;
  readonly from: 'client' | 'server';
  readonly about: string;
  /** JSON Schema (2020-12). */
  readonly payload: object;
  /** What the other side acknowledges it with. */
  readonly answer?: object;
  readonly example: object;
}

const text = (description: string): object => ({ type: 'string', description });
const moment = { type: ['string', 'null'], format: 'date-time', description: 'Null for a key that never expires' };
const closed = (properties: object, required = Object.keys(properties)): object => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const FILTER = closed(
  {
    types: {
      type: 'array',
      maxItems: 50,
      items: { type: 'string' },
      description: 'Types, or groups of them such as `user.*`; none means all',
    },
    subject: {
      type: ['string', 'null'],
      maxLength: 151,
      description: 'Such as `users/<id>`, or `users/*` for all of a kind',
    },
  },
  [],
);
const STANDING = {
  userId: { type: 'string', format: 'uuid', description: 'Who you are' },
  expiresAt: moment,
  own: { type: 'boolean', description: 'Whether you are told what happens to your own account' },
  events: { anyOf: [FILTER, { type: 'null' }], description: 'Which of the events of everybody you are told' },
};
const ANSWER = {
  oneOf: [
    closed({ ok: { const: true }, ...STANDING }),
    closed({ ok: { const: false }, problem: { type: 'object', description: 'A problem (RFC 9457)' } }),
  ],
};
const USER = '0197a3c2-7d10-7cc1-b5a9-3f2d4e5a6b7c';
const EVENT = '0197a3c2-8e21-7dd2-a6ba-4a3e5f6b7c8d';
const TOKEN = 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9…';

/** Every message of the socket, in the order in which a client meets them. */
export const REALTIME_MESSAGES: readonly RealtimeMessage[] = [
  {
    name: 'connect',
    from: 'client',
    about:
      'The handshake (`auth` of a socket.io client). Without `token` the `Authorization` header counts, then the cookie of a browser. A refusal comes as `connect_error`, with the problem as its `data`.',
    payload: closed(
      {
        token: text('An access token or a key'),
        lastEventId: { type: 'string', format: 'uuid', description: 'Go on after this event: nothing is left out' },
        events: {
          oneOf: [{ const: true }, FILTER],
          description: 'The events of everybody too; needs the permission `events:read`',
        },
      },
      [],
    ),
    example: { token: TOKEN, lastEventId: EVENT, events: { types: ['user.*'], subject: null } },
  },
  {
    name: 'ready',
    from: 'server',
    about: 'You are connected. `lastEventId` is where to go on from, should you be cut off before the first event.',
    payload: closed({ ...STANDING, lastEventId: { type: ['string', 'null'], format: 'uuid' } }),
    example: { userId: USER, expiresAt: '2026-11-02T09:10:00.000Z', own: true, events: null, lastEventId: EVENT },
  },
  {
    name: 'event',
    from: 'server',
    about:
      'A fact as a CloudEvent (1.0, JSON format): the same id as in the feed, the webhooks and the broker, in the order of commits.',
    payload: {
      type: 'object',
      properties: {
        specversion: { const: '1.0' },
        id: { type: 'string', format: 'uuid' },
        source: { type: 'string', format: 'uri' },
        type: { type: 'string' },
        subject: { type: 'string' },
        time: { type: 'string', format: 'date-time' },
        datacontenttype: { const: 'application/json' },
        data: { type: 'object' },
        subjectversion: { type: 'integer' },
        sequence: { type: 'string' },
      },
      required: ['specversion', 'id', 'source', 'type', 'time', 'datacontenttype', 'data', 'sequence'],
      additionalProperties: false,
    },
    example: {
      specversion: '1.0',
      id: EVENT,
      source: 'https://id.example.com',
      type: 'user.suspended',
      subject: `users/${USER}`,
      time: '2026-11-02T09:00:00.000Z',
      datacontenttype: 'application/json',
      data: { userId: USER, until: null },
      subjectversion: 7,
      sequence: '00000000000002f1-0000000000000a3c',
    },
  },
  {
    name: 'authenticate',
    from: 'client',
    about: 'A fresh token of the same user, before the present one expires: the socket stays open.',
    payload: closed({ token: text('An access token or a key') }),
    answer: ANSWER,
    example: { token: TOKEN },
  },
  {
    name: 'subscribe',
    from: 'client',
    about: 'Other events of everybody from now on: `true` for all, a filter, or `null` for none.',
    payload: { oneOf: [{ const: true }, FILTER, { type: 'null' }] },
    answer: ANSWER,
    example: { types: ['session.*'], subject: `users/${USER}` },
  },
  {
    name: 'unsubscribed',
    from: 'server',
    about: 'You may no longer see the events of everybody; those of your own account go on.',
    payload: closed({ code: text('The `code` of a problem'), title: text('What it is') }),
    example: { code: 'permission_denied', title: 'You may not do this' },
  },
  {
    name: 'closing',
    from: 'server',
    about:
      'The socket is closed, and why: `token_expired`, `token_revoked`, `service_unavailable` … Where `again` is true, connect again with the id of the last event; else something has to change first.',
    payload: closed(
      {
        code: text('The `code` of a problem'),
        title: text('What it is'),
        detail: text('What it is in this one case'),
        again: { type: 'boolean', description: 'Whether to connect again at once makes sense' },
      },
      ['code', 'title', 'again'],
    ),
    example: { code: 'token_expired', title: 'This access token has expired', again: false },
  },
];
