import { jetstream, jetstreamManager } from '@nats-io/jetstream';

import { freshDatabase } from '../harness/database.js';
import { TestApp } from '../harness/app.js';
import { DebianNats } from './debian-nats.js';

it('thin', async () => {
  const nats = await DebianNats.start('a-token');
  const app = await TestApp.start({ database: await freshDatabase('broker_thin'), settings: { NATS_URL: nats.url }, onLog: (l) => process.stderr.write(l) });
  const ada = await app.people.admin();
  const nc = await nats.connect();
  const key = await app.people.byKey(ada, ['users:read', 'me']);
  void key;
  await new Promise((r) => setTimeout(r, 1500));
  const jsm = await jetstreamManager(nc);
  console.log((await jsm.streams.info('ROSTER_EVENTS')).state);
  const { headers } = await import('@nats-io/transport-node');
  const h = headers(); h.set('Authorization', `Bearer ${ada.token}`);
  for (const [s, q] of [['users.get', { id: ada.id }], ['users.find', { filter: `email eq "${ada.user.email}"` }], ['access.check', { permission: 'users:read' }], ['tokens.verify', { token: key.token }]] as const) {
    const m = await nc.request(s, JSON.stringify(q), { headers: h, timeout: 3000 });
    console.log(s, m.string());
  }
  console.log((await nc.request('users.get', '{', { timeout: 3000 })).string());
  void jetstream;
  await nc.close();
  await app.stop();
  await nats.stop();
}, 60000);
