import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { jest } from '@jest/globals';

import type { DatabaseAddress } from '../../src/platform/database/address.js';
import { AwakeClock } from '../harness/awake.js';
import { ask, asSuperuser, freshDatabase } from '../harness/database.js';
import { onDatabase, startProcess, statusOf } from '../harness/process.js';
import type { RunningProcess } from '../harness/process.js';

// Each test runs a process, on a machine that may be busy.
jest.setTimeout(120_000);

const clock = new AwakeClock();
let address: DatabaseAddress;
const running: RunningProcess[] = [];

beforeAll(async () => {
  address = await freshDatabase('start_stop');
});

afterEach(async () => {
  for (const { child, kill } of running.splice(0))
    if (child.exitCode === null && child.signalCode === null) await kill();
});

async function start(settings: Record<string, string> = {}): Promise<RunningProcess> {
  const started = await startProcess({ ...onDatabase(address), ...settings });
  running.push(started);
  return started;
}

async function connections(): Promise<number> {
  const question = "SELECT FROM pg_stat_activity WHERE datname = 'start_stop' AND application_name LIKE 'roster%'";
  return (await ask(asSuperuser(address), question)).length;
}

/** A request whose body does not come. */
async function halfARequest({ url }: RunningProcess): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  socket.write(
    'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\nExpect: 100-continue\r\n\r\n',
  );
  // So it says that it waits for the rest.
  const [told] = (await once(socket, 'data')) as [Buffer];
  expect(told.toString()).toMatch(/^HTTP\/1\.1 100 /);
  return socket;
}

describe('a stop', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('on %s closes its connections and exits 0', async (signal) => {
    const process = await start();
    process.child.kill(signal);
    const [code] = (await once(process.child, 'close')) as [number];
    expect(code).toBe(0);
    // PostgreSQL notices a closed connection a moment later.
    for (let tries = 0; tries < 600 && (await connections()) > 0; tries += 1) await sleep(50);
    expect(await connections()).toBe(0);
  });

  it('says 503 on /health/ready for SHUTDOWN_DELAY, while it still answers', async () => {
    const process = await start({ SHUTDOWN_DELAY: '8s' });
    expect(await statusOf(`${process.url}/health/ready`)).toBe(200);
    const stopped = process.stop();
    while ((await statusOf(`${process.url}/health/ready`)) === 200) await sleep(20);
    const statuses = await Promise.all(
      ['/health/ready', '/health/live', '/openapi.json'].map((path) => statusOf(process.url + path)),
    );
    expect(statuses).toEqual([503, 200, 200]);
    expect((await stopped).code).toBe(0);
    await expect(fetch(`${process.url}/health/live`)).rejects.toThrow();
  });

  it('answers a request that was there before, and keeps the management port until the end', async () => {
    const process = await start();
    const socket = await halfARequest(process);
    const stopped = process.stop();
    await sleep(300);
    expect(await statusOf(`${process.management}/metrics`)).toBe(200);
    socket.write('"'.padEnd(98, 'x') + '"');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 4\d\d /);
    const { code, stdout } = await stopped;
    expect([code, stdout]).toEqual([0, expect.not.stringContaining('did not stop in order')]);
  });

  it('is cut at SHUTDOWN_DEADLINE, with exit code 1', async () => {
    const process = await start({ SHUTDOWN_DEADLINE: '500ms' });
    const socket = await halfARequest(process);
    const began = clock.now();
    const { code, stdout } = await process.stop();
    socket.destroy();
    expect([code, clock.now() - began < 3000]).toEqual([1, true]);
    expect(stdout).toContain('SHUTDOWN_DEADLINE');
  });

  it('takes two signals at once for one, as npm sends them', async () => {
    const process = await start({ SHUTDOWN_DELAY: '300ms' });
    process.child.kill('SIGINT');
    expect((await process.stop()).code).toBe(0);
  });

  it('is over at once when it is asked for again', async () => {
    const process = await start({ SHUTDOWN_DELAY: '60s' });
    process.child.kill('SIGTERM');
    while ((await statusOf(`${process.url}/health/ready`)) === 200) await sleep(20);
    // Two within a second are one.
    await sleep(1200);
    expect((await process.stop()).code).toBe(1);
  });
});
