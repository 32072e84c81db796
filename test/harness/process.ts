import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import type { DatabaseAddress } from '../../src/platform/database/address.js';

const MAIN = 'dist/src/main.js';
const PATIENCE = 90_000;

/** What Roster says on stdout when it is ready. */
export interface ReadyLine {
  readonly ready: true;
  readonly urls: Record<'api' | 'docs' | 'openapi' | 'health' | 'management' | 'metrics' | 'outbox', string>;
  readonly administrator: { email?: string; oneTimePassword?: string; reset: string };
  readonly token?: string;
  /** The folder of the cluster, or the place of DATABASE_URL. */
  readonly data: string;
  readonly notes: readonly string[];
  readonly startMs: number;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Roster that runs in a process of its own. */
export interface RunningProcess {
  /** `http://127.0.0.1:<port>` of the API, and of the management port. */
  readonly url: string;
  readonly management: string;
  readonly line: ReadyLine;
  readonly child: ChildProcess;
  /** Everything it wrote so far. */
  output(): string;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<Ended>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<Ended>;
}

type Settings = Readonly<Record<string, string>>;

/** The settings of a process on this database. */
export function onDatabase({ url, ownerUrl }: DatabaseAddress): Settings {
  return { DATABASE_URL: url, DATABASE_MIGRATION_URL: ownerUrl };
}

/**
 * Starts `dist/src/main.js` with these settings over those of a test, and waits until it says that it is ready.
 * @throws Error with its output if it ends before, or needs too long
 */
export async function startProcess(settings: Settings, parameters: readonly string[] = []): Promise<RunningProcess> {
  const program = launch(settings, parameters);
  const impatient = setTimeout(() => program.child.kill('SIGKILL'), PATIENCE);
  const line = await Promise.race([program.ready, program.ended.then(complain)]).finally(() => clearTimeout(impatient));
  const end = (signal: NodeJS.Signals): Promise<Ended> => {
    program.child.kill(signal);
    return program.ended;
  };
  return {
    url: line.urls.api,
    management: line.urls.management,
    line,
    child: program.child,
    output: program.output,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** Runs `dist/src/main.js` with these parameters until it ends: a command, or a start that is refused. */
export function runToEnd(settings: Settings, parameters: readonly string[] = []): Promise<Ended> {
  return launch(settings, parameters).ended;
}

export interface Launched {
  readonly child: ChildProcess;
  readonly ready: Promise<ReadyLine>;
  readonly ended: Promise<Ended>;
  readonly output: () => string;
}

/** Starts it and waits for nothing. @param detached whether it leads a process group of its own, as a shell's job does */
export function launch(settings: Settings, parameters: readonly string[] = [], detached = false): Launched {
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN, ...parameters], {
    env: { PATH: process.env['PATH'], ...DEFAULTS, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ready = new Promise<ReadyLine>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      stdout += `${line}\n`;
      if (line.startsWith('{"ready":true')) resolve(JSON.parse(line) as ReadyLine);
    });
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }) as Ended);
  return { child, ready, ended, output: () => stdout + stderr };
}

/** Reads the answer to its end: one that nobody reads keeps its connection busy, and holds up a stop. */
export async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  const answer = await fetch(url, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

/** Any free ports; a key that is the same for all processes, as replicas have it. */
const DEFAULTS: Settings = {
  NODE_ENV: 'test',
  PORT: '0',
  MANAGEMENT_PORT: '0',
  RATE_LIMITS: 'off',
  SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
};

function complain({ code, signal, stdout, stderr }: Ended): never {
  throw new Error(`Roster ended before it was ready (${signal ?? code}):\n${stdout}${stderr}`);
}
