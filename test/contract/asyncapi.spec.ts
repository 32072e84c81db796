import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

import { defineEvent } from '../../src/platform/contract/event.js';
import { asyncApiDocument, danglingIn, eventMessages, socketMessages } from './asyncapi.js';
import type { SocketMessage } from './asyncapi.js';

defineEvent('happening.planted', 'Something happened', { userId: 'uuid', until: 'moment?' });

const HEARD: SocketMessage = {
  name: 'subscribe',
  from: 'client',
  about: 'Other events from now on',
  payload: { type: 'object', properties: { types: { type: 'array', items: { type: 'string' } } } },
  answer: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
  example: { types: ['user.*'] },
};
const SAID: SocketMessage = {
  name: 'ready',
  from: 'server',
  about: 'You are connected',
  payload: { type: 'object' },
  example: {},
};

describe('the AsyncAPI document', () => {
  const messages = [...eventMessages(), ...socketMessages([HEARD, SAID])];
  const document = asyncApiDocument(messages, {}) as Record<
    'channels' | 'operations' | 'servers',
    Record<string, object>
  >;

  it('says of each event and each message of a socket who sends it, where, and what it is answered', () => {
    expect(document.operations['happening.planted']).toMatchObject({ action: 'send' });
    expect(document.channels['happening.planted']).toMatchObject({ address: 'roster.events.happening.planted' });
    expect(document.operations['realtime.subscribe']).toMatchObject({
      action: 'receive',
      reply: { channel: { $ref: '#/channels/realtime.subscribe.answer' } },
    });
    expect(document.operations['realtime.ready']).toMatchObject({ action: 'send' });
    expect(document.operations['realtime.ready']).not.toHaveProperty('reply');
    expect(Object.keys(document.servers)).toEqual(['nats', 'realtime']);
  });

  it('refers to nothing that is not there', () => {
    expect(danglingIn(document)).toEqual([]);
    expect(danglingIn({ a: { $ref: '#/b/c' }, b: {}, d: [{ $ref: '#/b' }] })).toEqual(['#/b/c']);
  });

  it('has a schema for each event that takes what is such an event, and nothing else', () => {
    const { payload } = eventMessages().find(({ name }) => name === 'happening.planted')!;
    const ajv = new Ajv2020({ strict: false });
    formats.default(ajv);
    const isValid = ajv.compile(payload);
    const id = '01a1fb89-a690-7530-90c7-ac334b01292e';
    const event = {
      specversion: '1.0',
      id,
      source: 'https://id.example.com',
      type: 'happening.planted',
      time: '2026-11-21T10:00:00.000Z',
      datacontenttype: 'application/json',
      data: { userId: id, until: null },
      sequence: '00000000000002f1-0000000000000a3c',
    };
    expect(isValid(event)).toBe(true);
    for (const wrong of [{ type: 'user.created' }, { data: {} }, { actorId: id }, { id: 7 }])
      expect([wrong, isValid({ ...event, ...wrong })]).toEqual([wrong, false]);
  });
});
