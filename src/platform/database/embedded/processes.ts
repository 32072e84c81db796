import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { failedWith } from './refused.js';

const linux = process.platform === 'linux';

/**
 * When the process began, in the system's own words; null if there is none, or only its zombie (a container's first
 * process may never collect it). A pid alone says nothing: it may be another program's by now.
 */
export function birthOf(pid: number): string | null {
  if (!linux) return birthFromPs(pid);
  const stat = fromProc(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // proc(5): "pid (command) state …", the command may hold spaces and brackets; the start time is field 22.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return !fields || fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
}

/** True if the process is a PostgreSQL server, or a child of one, on this very directory (a real path). */
export function isPostgresOf(pid: number, directory: string): boolean {
  if (!linux) return ps('-o', 'command=', '-p', String(pid)).includes(`-D ${directory}`);
  if (birthOf(pid) === null) return false;
  // Every PostgreSQL process works from its data directory; this also holds after the directory was renamed.
  return (
    fromProc(() => readlinkSync(`/proc/${pid}/cwd`)) === directory &&
    fromProc(() => readFileSync(`/proc/${pid}/comm`, 'utf8'))?.trim() === 'postgres'
  );
}

/** Kills the server on this directory and its children, thawed or frozen, and waits until they are gone. */
export async function killPostgresOf(directory: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const pids = allPids().filter((pid) => isPostgresOf(pid, directory));
    if (pids.length === 0) return;
    for (const pid of pids) signal(pid, 'SIGKILL');
    await delay(50);
  }
  throw new Error(`PostgreSQL processes of ${directory} do not end`);
}

/** @returns false if the process had already gone. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (failedWith(error, 'ESRCH')) return false;
    throw error;
  }
}

/** @returns true if the process went within the time. */
export async function gone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (birthOf(pid) !== null) {
    if (performance.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

function allPids(): number[] {
  const names = linux ? readdirSync('/proc') : ps('-A', '-o', 'pid=').split('\n');
  return names.map(Number).filter((pid) => Number.isInteger(pid) && pid > 1);
}

function fromProc(read: () => string): string | null {
  try {
    return read();
  } catch (error) {
    // It ended between two looks, or belongs to somebody else: in no case is it ours.
    if (failedWith(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return null;
    throw error;
  }
}

function birthFromPs(pid: number): string | null {
  const line = ps('-o', 'stat=,lstart=', '-p', String(pid)).trim();
  return line === '' || line.startsWith('Z') ? null : line.replace(/^\S+\s+/, '');
}

function ps(...args: string[]): string {
  try {
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    // ps answers 1 when no process matches.
    if ((error as { status?: number }).status === 1) return '';
    throw error;
  }
}
