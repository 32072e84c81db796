import { readFileSync, readdirSync } from 'node:fs';

/** Ticks of the kernel's CPU accounting a second: 100 on every Linux (USER_HZ). */
const TICKS = 100;

function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in brackets, which may have spaces.
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Seconds of CPU that a process has used, all its threads together (proc(5), utime and stime). */
export function cpuOf(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Seconds of CPU of this process's children that have ended (cutime and cstime). */
export function cpuOfEndedChildren(): number {
  const fields = statOf(process.pid);
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

/** Seconds of CPU of a process and of its children, living and ended: PostgreSQL's postmaster and its backends. */
export function cpuOfFamily(pid: number): number {
  const own = statOf(pid);
  let ticks = Number(own[13]) + Number(own[14]);
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = statOf(Number(name));
      if (Number(name) === pid || fields[1] === String(pid)) ticks += Number(fields[11]) + Number(fields[12]);
    } catch (error) {
      // It ended between the listing and the look.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return ticks / TICKS;
}

/** Seconds that the machine's processors had nothing to do, all together. */
export function idleSeconds(): number {
  const [, , , , idle, waiting] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/);
  return (Number(idle) + Number(waiting)) / TICKS;
}

/** Resident size now and at its highest, in MiB, with its children's. */
export function memoryOfFamily(pid: number): { rss: number; peak: number } {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  const sizes = [pid, ...children.map(Number)].map(memoryOf);
  return { rss: sum(sizes.map(({ rss }) => rss)), peak: sum(sizes.map(({ peak }) => peak)) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((whole, each) => whole + each, 0);
}

function memoryOf(pid: number): { rss: number; peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string): number =>
    Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)![1]) / 1024);
  return { rss: read('VmRSS'), peak: read('VmHWM') };
}
