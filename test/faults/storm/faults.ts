import { setTimeout as pause } from 'node:timers/promises';

import { ask } from '../../harness/database.js';
import type { PostgresProcess } from '../../harness/postgres-process.js';
import { oneOf } from './chances.js';
import type { Chance } from './chances.js';
import type { Fleet } from './fleet.js';
import type { Writers } from './writers.js';

/** How many of each. */
export interface Plan {
  readonly kills: number;
  readonly crashes: number;
  /** Changes that are acknowledged before it ends. */
  readonly least?: number;
}

export interface Fault {
  readonly kind: 'kill' | 'crash';
  /** Changes that were sent and not answered when it came: in all, and at the process that was killed. */
  readonly inFlight: number;
  readonly inFlightThere: number;
  /** Changes that had been acknowledged by then. */
  readonly after: number;
}

interface Scene {
  readonly fleet: Fleet;
  readonly server: PostgresProcess;
  readonly writers: Writers;
  readonly chance: Chance;
  readonly database: string;
}

/** Milliseconds between two of a kind: at least, and at most. */
const CALM = [100, 900] as const;
const PATIENCE = 60_000;

/** Kills and crashes at random moments, both kinds at the same time, each while a change is under way. */
export class Faults {
  private readonly brought: Fault[] = [];
  private databaseIsUp = true;

  constructor(private readonly scene: Scene) {}

  async bring({ kills, crashes, least = 0 }: Plan): Promise<Fault[]> {
    await Promise.all([this.kill(kills), this.crash(crashes)]);
    // Everybody writes again: what the last fault broke would be seen.
    do await this.untilAcknowledged();
    while (this.scene.writers.acknowledged.length < least);
    return this.brought;
  }

  private async kill(times: number): Promise<void> {
    const { fleet, writers, chance } = this.scene;
    for (let time = 0; time < times; time += 1) {
      await this.calm();
      let victim = oneOf(fleet.urls, chance);
      await this.until('a change is under way there', () => {
        victim = fleet.urls.includes(victim) ? victim : oneOf(fleet.urls, chance);
        return this.databaseIsUp && writers.inFlight(victim) > 0;
      });
      this.note('kill', writers.inFlight(victim));
      await fleet.replace(victim);
    }
  }

  private async crash(times: number): Promise<void> {
    const { server, writers, database } = this.scene;
    for (let time = 0; time < times; time += 1) {
      await this.calm();
      await this.until('a change is under way', () => writers.inFlight() > 0);
      this.note('crash', writers.inFlight());
      this.databaseIsUp = false;
      await server.crash();
      server.start();
      await this.untilAnswers(database);
      this.databaseIsUp = true;
    }
  }

  private note(kind: Fault['kind'], inFlightThere: number): void {
    const { writers } = this.scene;
    this.brought.push({ kind, inFlight: writers.inFlight(), inFlightThere, after: writers.acknowledged.length });
  }

  /** A random time in which something is acknowledged: a storm in which nobody gets anywhere would prove nothing. */
  private async calm(): Promise<void> {
    const [least, most] = CALM;
    await this.untilAcknowledged();
    await pause(least + this.scene.chance() * (most - least));
  }

  private async untilAcknowledged(): Promise<void> {
    const { acknowledged } = this.scene.writers;
    const before = acknowledged.length;
    await this.until('a change is acknowledged', () => this.databaseIsUp && acknowledged.length > before);
  }

  private async untilAnswers(database: string): Promise<void> {
    const answers = (): Promise<boolean> =>
      ask(database, 'SELECT 1').then(
        () => true,
        () => false,
      );
    for (const end = performance.now() + PATIENCE; !(await answers()); await pause(20))
      if (performance.now() > end) throw new Error('PostgreSQL does not come back');
  }

  private async until(what: string, isSo: () => boolean): Promise<void> {
    for (const end = performance.now() + PATIENCE; !isSo(); await pause(1))
      if (performance.now() > end) throw new Error(`It took too long until ${what}`);
  }
}
