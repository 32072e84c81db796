import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** How to start a server that says `{"ready":true,"urls":{"api":…}}` on a line of its stdout once it listens. */
export interface Command {
  /** Node unless it is another one. */
  readonly program?: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface Server {
  readonly pid: number;
  readonly url: string;
  /** Milliseconds from the start of the process to its word that it listens. */
  readonly startedIn: number;
  stop(): Promise<void>;
}

const PATIENCE = 60_000;
const STOP_PATIENCE = 20_000;

/** Starts the command. What the server writes is read and thrown away, as a log collector would. */
export async function startServer({
  program = process.execPath,
  arguments: parts,
  environment,
}: Command): Promise<Server> {
  const startedAt = performance.now();
  const child = spawn(program, parts, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = (): Promise<void> => end(child);
  try {
    const url = await readiness(child);
    return { pid: child.pid!, url, startedIn: performance.now() - startedAt, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function readiness(child: ChildProcess): Promise<string> {
  const last: string[] = [];
  child.stderr!.on('data', (bytes: Buffer) => last.splice(0, Math.max(0, last.push(bytes.toString()) - 20)));
  return new Promise((resolve, reject) => {
    const refuse = (why: string): void => reject(new Error(`${child.spawnargs.join(' ')} ${why}\n${last.join('')}`));
    const timer = setTimeout(() => refuse('was not ready in time'), PATIENCE);
    child.once('exit', (code) => refuse(`ended with ${code}`));
    const lines = createInterface(child.stdout!);
    lines.on('line', (line) => {
      last.push(`${line}\n`);
      const url = apiOf(line);
      if (url === null) return;
      clearTimeout(timer);
      lines.close();
      child.stdout!.resume();
      resolve(url);
    });
  });
}

function apiOf(line: string): string | null {
  if (!line.startsWith('{') || !line.includes('"ready":true')) return null;
  return (JSON.parse(line) as { urls: { api: string } }).urls.api;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE);
  await gone;
  clearTimeout(timer);
}
