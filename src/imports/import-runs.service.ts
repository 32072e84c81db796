import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';

import { Events } from '../events/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Problem } from '../platform/contract/problem.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { isDataFault } from '../platform/database/database-errors.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { Users } from '../users/index.js';
import { afresh } from './afresh.js';
import { batchesOf, claimsOf, faultIn } from './batches.js';
import type { Batch, ReadyRow } from './batches.js';
import type { Import } from './import.entity.js';
import { ImportActors } from './import-actors.service.js';
import type { Actor } from './import-actors.service.js';
import { ImportFinished } from './imports.contract.js';
import { ImportsRepository } from './imports.repository.js';
import type { Counts, ReportedRow } from './imports.repository.js';
import { patiently } from './patiently.js';

type Outcome = Awaited<ReturnType<Users['inBulk']['take']>>[number];

/** What rules an import that is under way. */
type Rules = Pick<Import, 'id' | 'onConflict' | 'dryRun'>;

/** How far it is; called after each step. */
type Told = (done: number, of: number) => void;

/** While another process is at work on it. Milliseconds. */
const LOOKS_AGAIN = 250;
const UNREPORTED = { code: null, pointer: null, detail: null };

/**
 * Takes over what was staged, a batch at a time: its users, its report and the position are one transaction, under the
 * lock of the import. So it may stop anywhere and be gone on with, and two who do it at once do each row once.
 */
@Injectable()
export class ImportRuns {
  private readonly rows: Counter<'status'>;

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly imports: ImportsRepository,
    private readonly actors: ImportActors,
    private readonly users: Users,
    metrics: Metrics,
  ) {
    this.rows = metrics.counter('import_rows_total', 'Rows of imports, by what became of them', ['status']);
  }

  /** Until it is over. @throws the signal's reason */
  run(id: string, signal: AbortSignal | undefined, told: Told): Promise<void> {
    let reached = -1;
    const watched = (done: number, of: number, cameOn: () => void): void => {
      if (done > reached) cameOn();
      reached = done;
      told(done, of);
    };
    return patiently((cameOn) => this.goOn(id, signal, (done, of) => watched(done, of, cameOn)), signal);
  }

  private async goOn(id: string, signal: AbortSignal | undefined, told: Told): Promise<void> {
    let ahead: Promise<Batch[]> | null = null;
    for (let found = await this.find(id); found && isUnderWay(found); found = await this.find(id)) {
      signal?.throwIfAborted();
      const { position, rows } = found;
      told(position, rows);
      if (position === rows) return this.end(id, 'completed', null);
      const batches: Batch[] = await (ahead ?? this.prepare(found, position));
      ahead = null;
      const actor = await afresh(() => this.actors.of(found!));
      if (actor === 'gone') return this.end(id, 'failed', 'The one who sent it may import no more');
      // PostgreSQL is busy with these while the next are read and checked.
      const next = this.prepare(found, batches.at(-1)?.rows.at(-1)?.number ?? position);
      next.catch(() => {
        // Whoever awaits it is told; nobody does when these rows were not taken.
      });
      if (await this.takeAll(found, batches, actor, signal)) ahead = next;
      else await pause(LOOKS_AGAIN, undefined, { signal });
    }
  }

  private find(id: string): Promise<Import | null> {
    return afresh(() => this.imports.find(id));
  }

  private async prepare(rules: Rules, position: number): Promise<Batch[]> {
    const chunk = await afresh(() => this.imports.chunkAt(rules.id, position + 1));
    const most = mayChange(rules) ? this.users.inBulk.mostChanged : Infinity;
    return chunk ? batchesOf(chunk, position, this.users.inBulk, most) : [];
  }

  /** @returns false if somebody else was quicker, so that nothing was found, or is over */
  private async takeAll(
    found: Import,
    batches: readonly Batch[],
    actor: Actor,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { actorId, onBehalfOf } = found;
    for (const batch of batches) {
      signal?.throwIfAborted();
      const isDone = await afresh(() => this.takeOrDivide(found, batch, actor), { actorId, onBehalfOf });
      if (!isDone) return false;
    }
    return batches.length > 0;
  }

  /** What the whole batch cannot do, each row does alone: then one that cannot be taken over stops no other. */
  private async takeOrDivide(rules: Rules, batch: Batch, actor: Actor): Promise<boolean> {
    try {
      return await this.take(rules, batch, (turns) => this.outcomesOf(rules, batch.rows, actor, turns));
    } catch (error) {
      if (!(error instanceof Problem) && !isDataFault(error)) throw error;
      const [only, ...others] = batch.rows;
      if (others.length === 0) return this.take(rules, batch, () => Promise.resolve([refused(error)]));
      for (const row of batch.rows) {
        const isLast = batch.isLast && row === batch.rows.at(-1);
        const alone = { rows: [row], from: batch.from + row.number - only!.number, isLast };
        if (!(await afresh(() => this.takeOrDivide(rules, alone, actor)))) return false;
      }
      return true;
    }
  }

  /** @returns false if the import is over, or somebody else has done this */
  private async take(
    rules: Rules,
    { rows, from, isLast }: Batch,
    outcomesOf: (turns: ReadonlySet<string>) => Promise<Outcome[]>,
  ): Promise<boolean> {
    const { id } = rules;
    const counts = await this.db.transaction(async () => {
      // Before the lock of the import, which gives the transaction its number (platform/database/turn.ts).
      const turns = await this.users.inBulk.turnsFor(mayChange(rules) ? usersOf(rows) : []);
      const found = await this.imports.seize(id);
      if (!found || !isUnderWay(found) || found.position !== from) return null;
      const outcomes = await outcomesOf(turns);
      const to = from + rows.length;
      const counted = countsOf(outcomes);
      await this.imports.report(
        id,
        rows.map((row, at) => reported(row, outcomes[at]!)),
      );
      await this.imports.advance(id, to, counted, this.clock.now());
      if (isLast) await this.imports.drop(id, to);
      return counted;
    });
    for (const [status, count] of Object.entries(counts ?? {})) this.rows.inc({ status }, count);
    return counts !== null;
  }

  private async outcomesOf(
    rules: Rules,
    rows: readonly ReadyRow[],
    actor: Actor,
    turns: ReadonlySet<string>,
  ): Promise<Outcome[]> {
    const able = usersOf(rows);
    const { onConflict, dryRun } = rules;
    const taken = able.length > 0 ? await this.users.inBulk.take(able, { onConflict, dryRun, actor, turns }) : [];
    const judged = dryRun ? await this.withClaims(rules, able, taken) : taken;
    let next = 0;
    return rows.map(({ user, fault }) => (user ? judged[next++]! : { status: 'failed', userId: null, fault }));
  }

  /** A dry run adds nobody, so what earlier rows would have taken is remembered: as long as it lasts. */
  private async withClaims(
    { id, onConflict }: Rules,
    users: readonly NonNullable<ReadyRow['user']>[],
    outcomes: readonly Outcome[],
  ): Promise<Outcome[]> {
    const claims = users.map((user, at) => (outcomes[at]!.status === 'created' ? claimsOf(user) : []));
    const fresh = await this.imports.claim(id, claims.flat());
    const statuses = { skip: 'skipped', update: 'updated', fail: 'failed' } as const;
    return outcomes.map((outcome, at) => {
      const claimed = claims[at]!.find((claim) => !fresh.has(claim));
      if (claimed === undefined) return outcome;
      const member = claimed.split(' ')[0]!;
      const fault = { pointer: `/${member}`, code: 'row_twice', detail: 'stands in a row before' };
      return { status: statuses[onConflict], userId: null, fault };
    });
  }

  /** Over, well or not; what was done stays. */
  async end(id: string, state: 'completed' | 'failed', problem: string | null): Promise<void> {
    await afresh(() => this.db.transaction(() => this.close(id, state, problem)));
    await afresh(() => this.imports.dropAll(id));
  }

  private async close(id: string, state: 'completed' | 'failed', problem: string | null): Promise<void> {
    const found = await this.imports.lock(id);
    if (!found || !isUnderWay(found)) return;
    await this.imports.enter(id, state, ['queued', 'running'], this.clock.now(), problem);
    const { actorId, created, updated, skipped, failed, version } = found;
    this.events.record(
      ImportFinished,
      { importId: id, state, created, updated, skipped, failed },
      { subject: `imports/${id}`, version: version + 1, actorId: actorId ?? undefined },
    );
  }
}

export function isUnderWay({ state }: Pick<Import, 'state'>): boolean {
  return state === 'queued' || state === 'running';
}

/** Whether somebody who is there may be changed by it. */
function mayChange({ onConflict, dryRun }: Rules): boolean {
  return onConflict === 'update' && !dryRun;
}

function usersOf(rows: readonly ReadyRow[]): NonNullable<ReadyRow['user']>[] {
  return rows.flatMap(({ user }) => user ?? []);
}

function reported({ number, line }: ReadyRow, { status, userId, fault }: Outcome): ReportedRow {
  const { code, pointer = null, detail } = fault ?? UNREPORTED;
  return { number, id: newId(), line, status, userId, code, pointer, detail };
}

/** What the database itself refuses is told without its words: they may quote the row. */
function refused(error: unknown): Outcome {
  const fault =
    error instanceof Problem ? faultIn(error) : { pointer: '', code: 'row_refused', detail: 'cannot be kept' };
  return { status: 'failed', userId: null, fault };
}

function countsOf(outcomes: readonly Outcome[]): Counts {
  const counts: Counts = { created: 0, updated: 0, skipped: 0, failed: 0 };
  for (const { status } of outcomes) counts[status] += 1;
  return counts;
}
