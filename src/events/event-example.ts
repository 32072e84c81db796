const ADA = '01a1fb89-a690-7530-90c7-ac334b01292e';
const SUSPENSION = '01a1fb89-a690-7530-90c7-ac334b01292f';

const EVENT = {
  specversion: '1.0',
  id: SUSPENSION,
  source: 'https://id.example.com',
  type: 'user.suspended',
  subject: `users/${ADA}`,
  time: '2026-11-21T10:00:00.000Z',
  datacontenttype: 'application/json',
  data: { userId: ADA, until: null },
  subjectversion: 2,
  sequence: '0000000000002f1a-000000000000002a',
};

/** The beginning of a stream. */
export const STREAM_EXAMPLE = `retry: 2000\n\nid: ${SUSPENSION}\ndata: ${JSON.stringify(EVENT)}\n\n`;
