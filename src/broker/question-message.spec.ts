import type { Msg } from '@nats-io/transport-node';

import { mayBeAnswered, readQuestion } from './question-message.js';

const message = (data: string, reply = '_INBOX.abc.1'): Msg => ({ data: Buffer.from(data), reply }) as unknown as Msg;

describe('a question', () => {
  it('is answered to an inbox', () => {
    for (const reply of ['_INBOX.QWERTY.1', '_INBOX_ledger.QWERTY', '_R_.aB3.xyz', '_INBOX.a-b_c.d=1'])
      expect([reply, mayBeAnswered(message('{}', reply))]).toEqual([reply, true]);
  });

  it('is not answered to a subject that whoever asks may not use themselves', () => {
    for (const reply of [
      '',
      '$JS.API.STREAM.DELETE.ROSTER_EVENTS',
      '$SYS.REQ.SERVER.PING',
      'roster.events.user.created',
      'users.get',
      '_INBOX',
      '_INBOX.>',
      '_INBOX.*',
      '_INBOX. x',
      `_INBOX.${'x'.repeat(300)}`,
    ])
      expect([reply, mayBeAnswered(message('{}', reply))]).toEqual([reply, false]);
    expect(mayBeAnswered(message('{}', undefined))).toBe(true);
    expect(mayBeAnswered({ data: Buffer.from('{}') } as unknown as Msg)).toBe(false);
  });

  it('may be plain, and is answered so', () => {
    const { question, pack } = readQuestion(message('{"id":"x"}'));
    expect([question, pack('{"data":1}')]).toEqual([{ id: 'x' }, '{"data":1}']);
  });

  it('may be packed as by NestJS, and is answered so', () => {
    const { question, pack } = readQuestion(message('{"pattern":"users.get","data":{"id":"x"},"id":"a\\"b"}'));
    expect(question).toEqual({ id: 'x' });
    expect(JSON.parse(pack('{"data":1}'))).toEqual({ id: 'a"b', isDisposed: true, response: { data: 1 } });
  });

  it.each([
    ['what is no JSON', '{'],
    ['nothing', ''],
    ['a key that stands twice', '{"id":1,"id":2}'],
    ['what is nested too deep', '['.repeat(40) + ']'.repeat(40)],
    ['a packet whose id is no text', '{"pattern":"users.get","id":{}}'],
    ['a packet whose id is too long', `{"pattern":"users.get","id":"${'x'.repeat(201)}"}`],
    ['what is too large', JSON.stringify({ id: 'x'.repeat(70_000) })],
  ])('is not %s', (_, text) => {
    expect(() => readQuestion(message(text))).toThrow();
  });
});
