import { startProcess } from '../../harness/process.js';
import type { RunningProcess } from '../../harness/process.js';
import { oneOf } from './chances.js';
import type { Chance } from './chances.js';

/** Processes of the application, behind something that knows which of them run. */
export class Fleet {
  private running: RunningProcess[] = [];
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
    await Promise.all(this.running.map((each) => each.kill()));
  }

  private async add(): Promise<void> {
    this.running.push(await startProcess(this.settings));
  }
}
