import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The processes of one PostgreSQL, to be frozen, crashed and started again on its port. */
export class PostgresProcess {
  private readonly command: string[];
  private readonly owner: { uid: number; gid: number };

  constructor(private postmaster: number) {
    this.command = readFileSync(`/proc/${postmaster}/cmdline`, 'utf8').split('\0').slice(0, -1);
    const { uid, gid } = statSync(`/proc/${postmaster}`);
    this.owner = { uid, gid };
  }

  /** Nothing runs any more, and the kernel still accepts connections. */
  freeze(): void {
    for (const pid of this.processes()) signal(pid, 'SIGSTOP');
  }

  thaw(): void {
    for (const pid of this.processes()) signal(pid, 'SIGCONT');
  }

  /** As if the machine lost its power: no checkpoint, no good-bye. */
  async crash(): Promise<void> {
    signal(this.postmaster, 'SIGQUIT');
    while (isAlive(this.postmaster)) await sleep(20);
  }

  /** The same server on the same port, recovering from its log. */
  start(): void {
    const [program, ...parameters] = this.command;
    const child = spawn(program!, parameters, { ...this.owner, detached: true, stdio: 'ignore' });
    child.unref();
    this.postmaster = child.pid!;
  }

  async end(): Promise<void> {
    this.thaw();
    signal(this.postmaster, 'SIGINT');
    while (isAlive(this.postmaster)) await sleep(20);
  }

  /** The postmaster and its children; each child leads a session of its own, so no group holds them all. */
  private processes(): number[] {
    const children = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => parentOf(pid) === this.postmaster);
    return [this.postmaster, ...children];
  }
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    // It ended while we looked.
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // No such process: it is gone.
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
