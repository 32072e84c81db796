import { setTimeout as pause } from 'node:timers/promises';

import { Client } from 'pg';

import type { CloudEvent } from '../../src/events/index.js';
import { waitForDatabase } from '../../src/platform/database/wait.js';
import { startOwnCluster } from '../events/own-cluster.js';
import type { OwnCluster } from '../events/own-cluster.js';
import { Reader } from '../events/reader.js';
import { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { PostgresProcess } from '../harness/postgres-process.js';
import { listening } from '../realtime/clients.js';

interface Page {
  readonly data: readonly CloudEvent[];
  readonly page: { readonly nextCursor: string };
}

/** More numbers than the first transactions after the crash take. */
const GIVEN_UP = 200;

/**
 * The number of a transaction that was given up lies only in the log of PostgreSQL, which is written at leisure: a crash
 * before that gives the number again. Whoever had read beyond it must hear of the one who has it now.
 */
describe('numbers of transactions that a crash gives again', () => {
  let cluster: OwnCluster;
  let server: PostgresProcess;
  let app: TestApp;
  let admin: Person;
  let url: string;

  beforeAll(async () => {
    cluster = await startOwnCluster();
    server = new PostgresProcess(cluster.pid);
    // At leisure: so that the crash is sure to come before.
    await cluster.sql("ALTER SYSTEM SET wal_writer_delay = '10s'");
    await cluster.sql('SELECT pg_reload_conf()');
    app = await TestApp.start({ database: cluster.database, settings: { ROLE: 'api' } });
    url = await listening(app);
    admin = await app.people.admin();
  }, 120_000);
  afterAll(async () => {
    await app?.stop();
    await server?.end();
    await cluster?.stop();
  });

  async function giveUp(): Promise<void> {
    const client = new Client({ connectionString: cluster.superUrl });
    await client.connect();
    for (let nth = 0; nth < GIVEN_UP; nth += 1) await client.query('BEGIN; SELECT pg_current_xact_id(); ROLLBACK');
    await client.end();
  }

  async function crash(): Promise<void> {
    await server.crash();
    server.start();
    await waitForDatabase(cluster.superUrl, 20_000, () => undefined);
  }

  const nextNumber = async (): Promise<bigint> => {
    const [row] = await cluster.sql<{ next: string }>('SELECT pg_snapshot_xmax(pg_current_snapshot()) AS next');
    return BigInt(row!.next);
  };
  const read = async (cursor?: string): Promise<Page> =>
    (await admin.get<Page>(`/api/v1/events?limit=200${cursor ? `&cursor=${cursor}` : ''}`)).body;

  it('are behind no cursor of the feed, and behind no stream that began before', async () => {
    const readBeyond = async (): Promise<{ before: bigint; page: Page['page']; stream: Reader }> => {
      await giveUp();
      const before = await nextNumber();
      const { page } = await read();
      return { before, page, stream: await Reader.open(`${url}/api/v1/events/stream`, admin.token) };
    };
    let { before, page, stream } = await readBeyond();
    await crash();
    // Where the machine stands still, PostgreSQL comes to write its log all the same, or is away for longer than a stream
    // goes on without knowing whether its reader still may.
    const isBroken = ({ answer, endedAt }: Reader): boolean => answer.status !== 200 || endedAt !== null;
    for (let tries = 0; tries < 4 && ((await nextNumber()) >= before || isBroken(stream)); tries += 1) {
      stream.leave();
      ({ before, page, stream } = await readBeyond());
      await crash();
    }
    expect(await nextNumber()).toBeLessThan(before);
    let made = '';
    while (made === '') {
      const name = 'After the crash';
      const email = `after-${Date.now()}@example.com`;
      const { status, body } = await admin.post<{ id: string }>('/api/v1/users', { email, name });
      if (status === 201) made = `users/${body.id}`;
      else await pause(50);
    }
    const again = await read(page.nextCursor);
    expect(again.data.map(({ subject }) => subject)).toContain(made);
    expect(stream.endedAt).toBeNull();
    await stream.until(() => stream.events.some(({ subject }) => subject === made));
    stream.leave();
  }, 180_000);
});
