import { cloudEventOf } from './cloud-event.js';

const FACT = {
  id: '01a1fb89-a690-7530-90c7-ac334b01292f',
  xid: '255',
  seq: '16',
  type: 'user.suspended',
  subject: 'users/01a1fb89-a690-7530-90c7-ac334b01292e',
  subjectVersion: 2,
  data: { userId: '01a1fb89-a690-7530-90c7-ac334b01292e' },
  occurredAt: new Date('2026-11-21T10:00:00.000Z'),
};
const SOURCE = 'https://id.example.com';

describe('a CloudEvent', () => {
  it('has the public part of its fact, and nothing else that the fact may hold', () => {
    const event = cloudEventOf({ ...FACT, private: { ip: '192.0.2.7' }, planted: 1 } as never, SOURCE);
    expect(event).toEqual({
      specversion: '1.0',
      id: FACT.id,
      source: SOURCE,
      type: 'user.suspended',
      subject: FACT.subject,
      time: '2026-11-21T10:00:00.000Z',
      datacontenttype: 'application/json',
      data: FACT.data,
      subjectversion: 2,
      sequence: '00000000000000ff-0000000000000010',
    });
  });

  it('leaves out what is not there, for CloudEvents knows no null', () => {
    const event = cloudEventOf({ ...FACT, subject: null, subjectVersion: null }, SOURCE);
    expect(Object.keys(event)).not.toEqual(expect.arrayContaining(['subject']));
    expect(JSON.stringify(event)).not.toContain('null');
  });

  it('has names of attributes as the specification wants them', () => {
    for (const name of Object.keys(cloudEventOf(FACT, SOURCE))) expect(name).toMatch(/^[a-z0-9]{1,20}$/);
  });

  it('sorts by its sequence as by the numbers', () => {
    const places = [
      ['9', '99'],
      ['10', '1'],
      ['10', '2'],
      ['10', '10'],
      ['18446744073709551615', '9223372036854775807'],
    ];
    const sequences = places.map(([xid, seq]) => cloudEventOf({ ...FACT, xid: xid!, seq: seq! }, SOURCE).sequence);
    expect([...sequences].sort()).toEqual(sequences);
  });
});
