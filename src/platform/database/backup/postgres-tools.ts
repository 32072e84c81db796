import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { commandEnvironment } from '../../config/config.js';
import { OperatorFault } from '../../config/operator-fault.js';

const run = promisify(execFile);
/** What a list of contents, or complaints, may be long. */
const LONGEST_OUTPUT = 64 * 1024 * 1024;

/** PostgreSQL's own programs, of one version. */
export interface PostgresTools {
  readonly major: number;
  /** With the slash at its end; empty for the PATH. */
  readonly folder: string;
}

const FOLDERS = '/usr/lib/postgresql/*/bin/';

/**
 * The oldest that can read such a server: what a newer pg_dump writes an older server may refuse.
 * @returns null where there are none
 */
export async function findTools(serverMajor: number): Promise<PostgresTools | null> {
  return (await allTools()).find(({ major }) => major >= serverMajor) ?? null;
}

/** The oldest that can read this dump. @throws OperatorFault if none can */
export async function findReader(file: string): Promise<PostgresTools> {
  let failure: unknown = new OperatorFault(
    'The file was made by pg_dump: install the client programs of PostgreSQL, of that version or a later one.',
  );
  for (const tools of await allTools()) {
    try {
      await contentsOf(tools, file);
      return tools;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** Oldest first. */
async function allTools(): Promise<PostgresTools[]> {
  const found = await Promise.all(['', ...globSync(FOLDERS)].map((folder) => toolsIn(folder)));
  return found.filter((tools) => tools !== null).sort((one, other) => one.major - other.major);
}

async function toolsIn(folder: string): Promise<PostgresTools | null> {
  try {
    const answers = await Promise.all(['pg_dump', 'pg_restore'].map((name) => run(`${folder}${name}`, ['--version'])));
    const majors = answers.map(({ stdout }) => Number(/(\d+)/.exec(stdout.replace(/^.*PostgreSQL\)/, ''))?.[1]));
    return Number.isInteger(majors[0]) && majors[0] === majors[1] ? { major: majors[0]!, folder } : null;
  } catch {
    // Not there, or not for this machine: that is an answer.
    return null;
  }
}

export interface Work {
  /** The database, and the role that owns the tables. */
  readonly ownerUrl: string;
  readonly file: string;
  readonly signal: AbortSignal;
}

/** @param snapshot as another connection has exported it: what is dumped is what was counted */
export async function dump(tools: PostgresTools, { ownerUrl, file, signal }: Work, snapshot: string): Promise<void> {
  const { url, environment } = withoutPassword(ownerUrl);
  const what = ['--schema=roster', '--schema=graphile_worker', `--snapshot=${snapshot}`];
  await ask(tools, 'pg_dump', ['--format=custom', ...what, `--file=${file}`, `--dbname=${url}`], environment, signal);
}

/**
 * In one transaction, without the owners and rights of where it was: those are given anew. Policies name roles that may
 * not be here; a start makes them.
 */
export async function restore(tools: PostgresTools, { ownerUrl, file, signal }: Work): Promise<void> {
  const { url, environment } = withoutPassword(ownerUrl);
  const folder = await mkdtemp(join(tmpdir(), 'roster-restore-'));
  try {
    const list = join(folder, 'list');
    await writeFile(list, (await contentsOf(tools, file)).filter((line) => !POLICY.test(line)).join('\n'));
    const how = ['--single-transaction', '--exit-on-error', '--no-owner', '--no-privileges', `--use-list=${list}`];
    await ask(tools, 'pg_restore', [...how, `--dbname=${url}`, file], environment, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const POLICY = /^\d+; \d+ \d+ POLICY /;
const USERS = /^\d+; \d+ \d+ TABLE roster users /;

/** @throws OperatorFault if it is no dump of Roster, or damaged where that can be seen */
async function contentsOf(tools: PostgresTools, file: string): Promise<string[]> {
  const lines = (await ask(tools, 'pg_restore', ['--list', file], {})).split('\n');
  if (!lines.some((line) => USERS.test(line)))
    throw new OperatorFault(`The file ${file} is no dump of Roster's tables.`);
  return lines;
}

/** Everybody on the machine can read the parameters of a process; its environment only its owner. */
function withoutPassword(ownerUrl: string): { url: string; environment: Record<string, string> } {
  const url = new URL(ownerUrl);
  const password = decodeURIComponent(url.password);
  url.password = '';
  return { url: url.href, environment: password ? { PGPASSWORD: password } : {} };
}

async function ask(
  { folder }: PostgresTools,
  program: 'pg_dump' | 'pg_restore',
  parameters: string[],
  environment: Record<string, string>,
  signal?: AbortSignal,
): Promise<string> {
  const env = commandEnvironment({ PGAPPNAME: 'roster-backup', ...environment });
  try {
    const { stdout } = await run(`${folder}${program}`, parameters, { env, signal, maxBuffer: LONGEST_OUTPUT });
    return stdout;
  } catch (error) {
    signal?.throwIfAborted();
    const { stderr, message } = error as Error & { stderr?: string };
    throw new OperatorFault(`${program} failed, and nothing was changed: ${stderr?.trim() || message}`);
  }
}
