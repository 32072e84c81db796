import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

import { jest } from '@jest/globals';

import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import { DebianNats } from './debian-nats.js';
import { until } from './until.js';

jest.setTimeout(300_000);

const MAIN = new URL('../../examples/greeting-ledger/src/main.ts', import.meta.url).pathname;

interface Greeting {
  readonly number: number;
  readonly kind: string;
  readonly userId: string;
  readonly name: string;
}

/** The example, in a process of its own. */
class LedgerProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly url: string,
  ) {}

  static async start(settings: Record<string, string>): Promise<LedgerProcess> {
    const parameters = ['--disable-warning=ExperimentalWarning', MAIN];
    const child = spawn(process.execPath, parameters, {
      env: { ...settings, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    return new LedgerProcess(child, (JSON.parse(line) as { url: string }).url);
  }

  async greetings(): Promise<Greeting[]> {
    return ((await (await fetch(`${this.url}/greetings`)).json()) as { greetings: Greeting[] }).greetings;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const ended = once(this.child, 'exit') as Promise<[number | null]>;
    this.child.kill(signal);
    return (await ended)[0];
  }
}

describe('examples/greeting-ledger', () => {
  const open: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  it('greets everybody by name once, in order, though it, NATS and Roster are killed and started again', async () => {
    const nats = await DebianNats.start('a-token-of-nats');
    open.push(() => nats.stop());
    const database = await freshDatabase('greeting_ledger');
    const settings = { NATS_URL: nats.url };
    let app = await TestApp.start({ database, settings });
    open.push(() => app.stop());
    const ada = await app.people.admin();
    const { token } = await app.people.byKey(ada, ['users:read']);
    const folder = mkdtempSync(join(tmpdir(), 'roster-ledger-'));
    open.push(async () => rmSync(folder, { recursive: true, force: true }));
    const start = () =>
      LedgerProcess.start({ NATS_URL: nats.url, ROSTER_KEY: token, LEDGER_FILE: join(folder, 'ledger.sqlite') });
    let ledger = await start();

    const expected: [string, string, string][] = [['hello', ada.id, ada.user.name]];
    const welcome = async (people: number): Promise<string> => {
      let last = '';
      for (let person = 0; person < people; person += 1) {
        const name = unique('Guest ');
        last = (await app.people.user({ name })).id;
        expected.push(['hello', last, name]);
      }
      return last;
    };
    const known = async (): Promise<unknown[]> =>
      (await ledger.greetings().catch(() => [])).map(({ kind, userId, name }) => [kind, userId, name]);
    const isComplete = async (): Promise<boolean> => (await known()).length >= expected.length;

    for (let kill = 0; kill < 3; kill += 1) {
      const welcoming = welcome(15);
      await pause(100);
      await ledger.end('SIGKILL');
      await welcoming;
      ledger = await start();
    }
    await until('it has heard of all', isComplete);

    // NATS goes away while people come, and one of them leaves.
    await nats.kill();
    const left = await welcome(3);
    await nats.run();
    await until('it has heard of all', isComplete);
    await (await app.people.signIn(ada.user)).delete(`/api/v1/users/${left}`);
    expected.push(['farewell', left, expected.at(-1)![2]]);
    await until('it has heard of all', isComplete);

    // Roster is away while it is asked for a name: the event comes again.
    await app.people.user({ name: 'Last but one' }).then(({ id }) => expected.push(['hello', id, 'Last but one']));
    await app.stop();
    await pause(500);
    app = await TestApp.start({ database, settings });
    await welcome(1);
    await until('it has heard of all', isComplete);

    await pause(500);
    expect(await known()).toEqual(expected);
    expect((await ledger.greetings()).map(({ number }) => number)).toEqual(expected.map((_, place) => place + 1));
    expect(await ledger.end('SIGTERM')).toBe(0);
  });

  it('refuses to start without what it needs', async () => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN], { env: {}, stdio: 'pipe' });
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    expect((await once(child, 'close'))[0]).toBe(1);
    expect(said).toContain('NATS_URL and ROSTER_KEY have to be set');
  });
});
