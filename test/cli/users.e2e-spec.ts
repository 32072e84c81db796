import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';

import { jest } from '@jest/globals';

import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import type { Person } from '../harness/people.js';
import { launch, onDatabase, runToEnd } from '../harness/process.js';
import { userAt } from '../imports/files.js';
import { Folder } from './backup-drill.js';

// Each command is a process of its own, on a machine that may be busy.
jest.setTimeout(300_000);

const SECRET_KEY = Buffer.alloc(32, 7).toString('base64');

describe('npm run roster -- users', () => {
  const folder = new Folder();
  let app: TestApp;
  let admin: Person;
  let settings: Record<string, string>;

  beforeAll(async () => {
    const database = await freshDatabase('cli_users');
    settings = onDatabase(database);
    app = await TestApp.start({ database });
    admin = await app.people.admin();
  });
  afterAll(async () => {
    await app.stop();
    await folder.remove();
  });

  function fileOf(name: string, lines: readonly string[]): string {
    const path = folder.at(name);
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
    return path;
  }

  const exportFacts = (): Promise<unknown[]> =>
    app.sql(
      `SELECT type, private ->> 'actorId' AS actor, private -> 'after' AS after, data ->> 'state' AS state, (data ->> 'rows')::int AS rows
       FROM roster.events WHERE type LIKE 'export.%' ORDER BY xid, seq`,
    );

  it('imports a file, tells which lines were bad, and exits 1 for them', async () => {
    const email = `${unique('cli')}@example.com`;
    const file = fileOf('users.csv', ['email,name', `${email},Ada`, 'nobody,Nobody']);
    const { code, stdout, stderr } = await runToEnd(settings, ['users', 'import', file]);
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toContain('✓ 2 rows: 1 created, 0 updated, 0 skipped, 1 failed.');
    expect(stdout).toMatch(/line 3 +email_invalid \/email/);
    expect(await userAt(admin, email)).toMatchObject({ name: 'Ada', status: 'invited' });
    const facts = await app.sql<{ type: string; actor: string | null }>(
      `SELECT type, private ->> 'actorId' AS actor FROM roster.events WHERE type LIKE 'import.%' ORDER BY xid, seq`,
    );
    expect(facts).toEqual([
      { type: 'import.started', actor: null },
      { type: 'import.finished', actor: null },
    ]);
  });

  it('takes the rules of the API as options, and answers as JSON', async () => {
    const user = await app.people.user({ name: 'Before' });
    const file = fileOf('more.ndjson', [JSON.stringify({ email: user.email, name: 'After' })]);
    const run = async (...options: string[]): Promise<Record<string, unknown>> => {
      const { stdout } = await runToEnd(settings, ['users', 'import', file, '--json', ...options]);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    expect(await run()).toMatchObject({ state: 'completed', skipped: 1 });
    expect(await run('--on-conflict', 'fail')).toMatchObject({ failed: 1, failures: [{ code: 'email_taken' }] });
    expect(await run('--on-conflict', 'update', '--dry-run')).toMatchObject({ updated: 1 });
    expect((await userAt(admin, user.email))!.name).toBe('Before');
    expect(await run('--on-conflict', 'update')).toMatchObject({ updated: 1, failed: 0 });
    expect((await userAt(admin, user.email))!.name).toBe('After');
  });

  it.each([
    [['users', 'import', 'nothing.csv'], 'cannot be read'],
    [['users', 'import', 'users.xlsx'], 'has to end by'],
    [['users', 'import', 'users.csv', '--on-conflict', 'replace'], '--on-conflict takes'],
    [['users', 'export', '--filter', 'nothing eq 1'], 'nothing'],
    [['users', 'export', '--format', 'xml'], '--format takes'],
  ])('says what is wrong with %j', async (parameters, words) => {
    const { code, stderr } = await runToEnd(settings, parameters);
    expect(code).not.toBe(0);
    expect(stderr).toContain(words);
  });

  it('exports what it takes back, to stdout or into a file', async () => {
    const email = `${unique('out')}@example.com`;
    await app.people.user({ email, name: 'Out' });
    const filter = ['--filter', `email eq "${email}"`];
    const { code, stdout, stderr } = await runToEnd(settings, ['users', 'export', ...filter]);
    expect([code, stderr]).toEqual([0, '']);
    const file = folder.at('out.csv');
    const written = await runToEnd(settings, ['users', 'export', '--file', file, '--json', ...filter]);
    expect(JSON.parse(written.stdout)).toEqual({ file, format: 'csv', rows: 1 });
    expect(readFileSync(file, 'utf8').replaceAll('\r\n', '\n')).toBe(stdout);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const started = { type: 'export.started', actor: null, after: { filter: filter[1] } };
    const finished = { type: 'export.finished', actor: null, state: 'completed', rows: 1 };
    expect(await exportFacts()).toMatchObject([started, finished, started, finished]);
    const back = await runToEnd(settings, ['users', 'import', file, '--json', '--on-conflict', 'update']);
    expect(JSON.parse(back.stdout)).toMatchObject({ rows: 1, skipped: 1, failed: 0 });
  });

  it('overwrites no file, leaves no half of one, and records that it failed', async () => {
    const told = (await exportFacts()).length;
    const taken = fileOf('taken.csv', ['mine']);
    const refused = await runToEnd(settings, ['users', 'export', '--file', taken]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('exists already')]);
    expect(readFileSync(taken, 'utf8')).toBe('mine\n');
    const nowhere = await runToEnd(settings, ['users', 'export', '--file', folder.at('missing/x.csv')]);
    expect([nowhere.code, nowhere.stderr]).toEqual([
      1,
      expect.stringMatching(/^The file .* cannot be written \(ENOENT/),
    ]);
    const unread = launch(settings, ['users', 'export']);
    unread.child.stdout!.destroy();
    expect(await unread.ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Not everything .*\(EPIPE/) });
    const [started, finished] = [{ type: 'export.started' }, { type: 'export.finished', state: 'failed', rows: 0 }];
    expect((await exportFacts()).slice(told)).toMatchObject([
      started,
      finished,
      started,
      { ...finished, rows: expect.any(Number) },
    ]);
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('shows a bar to whoever watches at a terminal', async () => {
    const rows = Array.from({ length: 3000 }, (_, at) => `${unique('bar')}${at}@example.com,Bar`);
    const file = fileOf('bar.csv', ['email,name', ...rows]);
    const { code, shown } = await atTerminal(settings, ['users', 'import', file]);
    expect(code).toBe(0);
    expect(shown).toMatch(/\rReading {3}[█░]{30} +\d+ %/);
    expect(shown).toMatch(/\rImporting [█░]{30} +\d+ %/);
    expect(shown).toContain('✓ 3000 rows: 3000 created');
  });
});

/** At a terminal of its own, which `script` (bsdutils) makes. */
async function atTerminal(
  settings: Record<string, string>,
  parameters: readonly string[],
): Promise<{ code: number | null; shown: string }> {
  const command = [process.execPath, 'dist/src/main.js', ...parameters].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { PATH: process.env['PATH'], NODE_ENV: 'test', SECRET_KEY, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, shown };
}
