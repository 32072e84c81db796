import { startProcess } from '../../harness/process.js';
import type { RunningProcess } from '../../harness/process.js';
import { oneOf } from './chances.js';
import type { Chance } from './chances.js';

/** A start that loses its database ends, and whoever supervises it starts it again. */
const STARTS = 10;

/** Processes of the application, behind something that knows which of them run. */
export class Fleet {
  private running: RunningProcess[] = [];
  private readonly starting = new Set<Promise<void>>();
  private stopped = false;

  private constructor(private readonly settings: Readonly<Record<string, string>>) {}

  static async start(settings: Readonly<Record<string, string>>, size: number): Promise<Fleet> {
    const fleet = new Fleet(settings);
    await Promise.all(Array.from({ length: size }, () => fleet.add()));
    return fleet;
  }

  /** The address of one that runs. */
  url(chance: Chance): string {
    return oneOf(this.running, chance).url;
  }

  get urls(): string[] {
    return this.running.map(({ url }) => url);
  }

  /** Ends it by SIGKILL, in the middle of whatever it does, and starts another in its place. */
  async replace(url: string): Promise<void> {
    const victim = this.running.find((each) => each.url === url)!;
    victim.child.kill('SIGKILL');
    this.running = this.running.filter((each) => each !== victim);
    await victim.kill();
    if (!this.stopped) await this.add();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.allSettled(this.starting);
    await Promise.all(this.running.map((each) => each.kill()));
  }

  private add(): Promise<void> {
    const starting = this.startOne(STARTS)
      .then((started) => void this.running.push(started))
      .finally(() => this.starting.delete(starting));
    this.starting.add(starting);
    return starting;
  }

  private async startOne(tries: number): Promise<RunningProcess> {
    try {
      return await startProcess(this.settings);
    } catch (error) {
      if (tries === 1 || this.stopped) throw error;
      return this.startOne(tries - 1);
    }
  }
}
