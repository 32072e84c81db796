import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

import { Indicators } from '../../src/platform/telemetry/indicators.js';
import type { Finding } from '../../src/platform/telemetry/indicators.js';
import { Metrics } from '../../src/platform/telemetry/metrics.js';
import { everythingCopied } from '../audit/copied.js';
import { TestApp } from '../harness/app.js';
import { ask } from '../harness/database.js';
import { startOwnCluster } from './own-cluster.js';
import type { OwnCluster } from './own-cluster.js';

const PATIENCE = 30_000;

describe('a transaction of another database that is held open', () => {
  let cluster: OwnCluster;
  let app: TestApp;
  let elsewhere: string;

  beforeAll(async () => {
    cluster = await startOwnCluster({ max_prepared_transactions: '2' });
    elsewhere = Object.assign(new URL(cluster.superUrl), { pathname: '/postgres' }).href;
    app = await TestApp.start({ database: cluster.database });
  }, 120_000);
  afterAll(async () => {
    await app.stop();
    await cluster.stop();
  });

  const audit = async (): Promise<Finding> => (await app.get(Indicators).ask(5000))['audit']!;
  const age = async (): Promise<number> =>
    Number(/^events_edge_age_seconds (.*)$/m.exec(await app.get(Metrics).text())?.[1]);
  async function until(isSo: () => Promise<boolean>): Promise<void> {
    for (const late = performance.now() + PATIENCE; !(await isSo()); await sleep(100))
      if (performance.now() > late) throw new Error('It has not come');
  }

  it('is told by health with its owner, and by a metric, as long as facts wait behind it', async () => {
    const holder = new Client({ connectionString: elsewhere, application_name: 'forgotten' });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT pg_current_xact_id()');
    const { rows } = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await app.people.user();
    expect(await audit()).toEqual({ status: 'pass' });
    app.clock.advance(20_000);
    const { status, output } = await audit();
    expect(status).toBe('warn');
    expect(output).toMatch(/^The audit log is \d\d s behind; the oldest open transaction is /);
    expect(output).toContain(
      `pid ${rows[0]!.pid} ("forgotten") of ${new URL(elsewhere).username} in database postgres`,
    );
    await until(async () => (await age()) >= 20);
    await holder.query('ROLLBACK');
    await holder.end();
    await everythingCopied({ sql: cluster.sql });
    expect(await audit()).toEqual({ status: 'pass' });
    await until(async () => (await age()) === 0);
  }, 120_000);

  it('is told by its name where it was prepared and forgotten', async () => {
    await ask(elsewhere, "BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'left behind'");
    await app.people.user();
    app.clock.advance(20_000);
    const { status, output } = await audit();
    expect(status).toBe('warn');
    expect(output).toContain('the prepared transaction "left behind" of ');
    expect(output).toMatch(/ in database postgres since \d{4}-/);
    await ask(elsewhere, "ROLLBACK PREPARED 'left behind'");
    await everythingCopied({ sql: cluster.sql });
    expect(await audit()).toEqual({ status: 'pass' });
  });
});
