import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { birthOf } from './processes.js';
import { EmbeddedPostgresRefused, failedWith } from './refused.js';

/**
 * Lets one Roster process at a time start or stop a cluster, and knows who uses it. Plain files, for Node has no flock:
 *
 *     turn-<n>       the highest number is the lock; it holds its owner, or nothing when free
 *     user-<uuid>    one for each start that has not been stopped
 *
 * The file of a dead owner is not removed but overtaken by the next number, which only one can create; the highest is
 * never deleted. So a slow onlooker can never remove or take a lock that somebody else has meanwhile got.
 */
export class ClusterLock {
  private readonly me = JSON.stringify({ pid: process.pid, birth: birthOf(process.pid) });
  private readonly membership = `user-${randomUUID()}`;
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** @throws EmbeddedPostgresRefused if another live process keeps the lock longer than that. */
  async exclusively<T>(patienceMs: number, work: () => Promise<T>): Promise<T> {
    const turn = await this.acquire(patienceMs);
    try {
      return await work();
    } finally {
      truncateSync(this.path(turn));
    }
  }

  join(): void {
    writeFileSync(join(this.folder, this.membership), this.me);
  }

  leave(): void {
    rmSync(join(this.folder, this.membership), { force: true });
  }

  /** How many others use the cluster; forgets those who died. Call it inside `exclusively`. */
  others(): number {
    const names = readdirSync(this.folder).filter((name) => name.startsWith('user-') && name !== this.membership);
    const dead = names.filter((name) => livingPid(this.read(name)) === null);
    for (const name of dead) rmSync(join(this.folder, name), { force: true });
    return names.length - dead.length;
  }

  private async acquire(patienceMs: number): Promise<number> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const last = this.highestTurn();
      const holder = last === 0 ? null : livingPid(this.read(`turn-${last}`));
      if (holder === null && this.take(last + 1)) return last + 1;
      if (holder !== null && performance.now() > deadline) {
        throw new EmbeddedPostgresRefused(
          `Process ${holder} has been starting or stopping the embedded PostgreSQL for ` +
            `${Math.round(patienceMs / 1000)} s. Wait for it, or end it and start again.`,
        );
      }
      await delay(holder === null ? 1 : 50);
    }
  }

  private take(turn: number): boolean {
    const draft = join(this.folder, `draft-${randomUUID()}`);
    writeFileSync(draft, this.me);
    try {
      // Not open(…, 'wx'): the file must never be seen without its owner.
      linkSync(draft, this.path(turn));
    } catch (error) {
      if (failedWith(error, 'EEXIST')) return false;
      throw error;
    } finally {
      rmSync(draft);
    }
    const mine = this.highestTurn() === turn;
    const outdated = mine ? this.turns().filter((other) => other < turn) : [turn];
    for (const other of outdated) rmSync(this.path(other), { force: true });
    return mine;
  }

  private turns(): number[] {
    return readdirSync(this.folder).flatMap((name) => (name.startsWith('turn-') ? [Number(name.slice(5))] : []));
  }

  private highestTurn(): number {
    return Math.max(0, ...this.turns());
  }

  private path(turn: number): string {
    return join(this.folder, `turn-${turn}`);
  }

  private read(name: string): string {
    try {
      return readFileSync(join(this.folder, name), 'utf8');
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return ''; // overtaken or left since we looked
      throw error;
    }
  }
}

function livingPid(owner: string): number | null {
  if (owner === '') return null;
  const { pid, birth } = JSON.parse(owner) as { pid: number; birth: string };
  return birthOf(pid) === birth ? pid : null;
}
