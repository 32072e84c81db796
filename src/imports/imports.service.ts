import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import type { JobRun } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { refuseStale } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import type { Principal } from '../platform/http/principal.js';
import { afresh } from './afresh.js';
import type { ConflictRule, FormatName, Import } from './import.entity.js';
import { ImportRuns, isUnderWay } from './import-runs.service.js';
import { ImportCancelled, ImportNotFound, ImportOver, ImportStarted, TooManyImports } from './imports.contract.js';
import { ImportsRepository } from './imports.repository.js';
import { fateOf } from './fate.js';
import { FileReader } from './reading/file-reader.js';
import type { FileType, StagedRow } from './reading/file-reader.js';
import { FileRefused } from './reading/source-row.js';

/** As many rows as one transaction takes over in a small part of a second; and no more text than this. */
const ROWS_OF_CHUNK = 500;
const CHARACTERS_OF_CHUNK = 1024 * 1024;

/** Of one person, that are not over. */
const MOST_AT_ONCE = 10;

const RunImport = defineJob<{ importId: string }>('imports.run', { maxAttempts: 10, isLong: true });

/** How a file is to be taken over. */
export interface ImportTerms {
  readonly onConflict: ConflictRule;
  readonly dryRun: boolean;
  /** Null: it is recognised. */
  readonly format: FormatName | null;
  readonly firebasePrefix: string | null;
}

/** Imports from their first byte to their cancellation. */
@Injectable()
export class Imports {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly events: Events,
    private readonly imports: ImportsRepository,
    private readonly jobs: Jobs,
    private readonly runs: ImportRuns,
  ) {
    jobs.work(RunImport, ({ importId }, run) => this.run(importId, run));
  }

  /** @throws ImportNotFound */
  async get(id: string): Promise<Import> {
    const found = await this.imports.find(id);
    if (!found) throw new ImportNotFound();
    return found;
  }

  /**
   * Stages a file as it comes: durably, and no more than a piece of it in memory. Nothing is done with it before
   * `accept`.
   * @param actor null for the operator of the machine
   * @throws TooManyImports, before the first byte is read; FileRefused, and what the bytes throw; then it is incomplete
   */
  async receive(
    bytes: AsyncIterable<Uint8Array>,
    type: FileType,
    terms: ImportTerms,
    actor: Principal | null,
  ): Promise<string> {
    const id = newId();
    const { onConflict, dryRun, format } = terms;
    const now = this.clock.now();
    const begun = { id, state: 'uploading', format, onConflict, dryRun, ...whose(actor), createdAt: now } as Import;
    await afresh(() => this.db.transaction(() => this.begin(begun)));
    try {
      const file = new FileReader(type, format, { now, firebasePrefix: terms.firebasePrefix });
      await this.stageAll(id, bytes, file, actor === null ? Infinity : this.config.values.IMPORT_MAX_ROWS);
    } catch (error) {
      await afresh(() => this.giveUp(id));
      throw error;
    }
    return id;
  }

  /** The file is whole: it is taken over from now on. Part of the caller's transaction, if there is one. */
  accept(id: string): Promise<Import> {
    return this.db.transaction(async () => {
      await this.imports.lock(id);
      if (!(await this.imports.enter(id, 'queued', ['uploading'], this.clock.now()))) throw new ImportNotFound();
      await this.owe(id);
      const found = await this.get(id);
      const { format, onConflict, dryRun, rows } = found;
      this.events.record(
        ImportStarted,
        { importId: id, format: format ?? 'roster', onConflict, dryRun, rows },
        { subject: `imports/${id}`, version: found.version, actorId: found.actorId ?? undefined },
      );
      return found;
    });
  }

  /** An upload that was not accepted after all; any other import stays. */
  async discard(id: string): Promise<void> {
    try {
      await this.imports.forget(id);
    } catch {
      // The answer is there; what stays behind is swept later.
    }
  }

  /** Stops it between two batches: what is done stays done. @throws ImportNotFound, ImportOver, PreconditionFailed */
  cancel(id: string, expected: Versions): Promise<Import> {
    return this.db.transaction(async () => {
      const found = await this.imports.lock(id);
      if (!found) throw new ImportNotFound();
      refuseStale(found, expected);
      if (found.state === 'cancelled') return found;
      if (!isUnderWay(found)) throw new ImportOver();
      await this.stop(found);
      return this.get(id);
    });
  }

  /** Whoever cancels its job cancels it; a job that was given up fails it; and one that is no more is owed anew. */
  async follow(id: string): Promise<void> {
    const fate = await this.db.transaction(async () => {
      const found = await this.imports.lock(id);
      if (!found || !isUnderWay(found)) return 'goes on';
      const is = await fateOf(found.jobId, this.jobs);
      if (is === 'cancelled') await this.stop(found);
      if (is === 'gone') await this.owe(id);
      return is;
    });
    if (fate === 'dead') await this.runs.end(id, 'failed', 'Its job failed too often: see why in the list of jobs');
  }

  private async begin(begun: Import): Promise<void> {
    const { actorId } = begun;
    if (actorId !== null && (await this.imports.unfinishedOf(actorId)) >= MOST_AT_ONCE) throw new TooManyImports();
    await this.imports.insert(begun);
  }

  private async run(id: string, run: JobRun): Promise<void> {
    try {
      await this.runs.run(id, run.signal, (done, of) => run.progress(done, of));
    } catch (error) {
      if (run.signal.aborted) await afresh(() => this.follow(id));
      throw error;
    }
  }

  /** Part of the caller's transaction. */
  private async owe(id: string): Promise<void> {
    await this.imports.owed(id, await this.jobs.enqueue(RunImport, { importId: id }, { key: id }));
  }

  private async stop({ id, position, version }: Import): Promise<void> {
    await this.imports.enter(id, 'cancelled', ['queued', 'running'], this.clock.now());
    this.events.record(ImportCancelled, { importId: id, position }, { subject: `imports/${id}`, version: version + 1 });
    this.db.afterCommit(() => this.drop(id));
  }

  private async drop(id: string): Promise<void> {
    try {
      await afresh(() => this.imports.dropAll(id));
    } catch {
      // What stays behind is swept later.
    }
  }

  private async giveUp(id: string): Promise<void> {
    await this.imports.enter(id, 'incomplete', ['uploading'], this.clock.now());
    await this.drop(id);
  }

  private async stageAll(
    id: string,
    bytes: AsyncIterable<Uint8Array>,
    file: FileReader,
    mostRows: number,
  ): Promise<void> {
    const stage = new Stage(mostRows, async (rows, read, chunk) => {
      const told = { rows, bytes: read, format: file.format, at: this.clock.now() };
      if (!(await afresh(() => this.imports.stage(id, told, chunk)))) throw new ImportNotFound();
    });
    for await (const piece of bytes) {
      stage.bytes += piece.length;
      await stage.add(file.read(piece));
    }
    await stage.add(file.end());
    await stage.flush();
    await afresh(() => this.imports.complete(id, stage.rows, stage.bytes, file.format, this.clock.now()));
  }
}

/** Whose file it is, and what they may do. */
function whose(actor: Principal | null): Pick<Import, 'actorId' | 'onBehalfOf' | 'permissions'> {
  if (actor === null) return { actorId: null, onBehalfOf: null, permissions: null };
  const onBehalfOf = actor.actorId === null ? null : actor.userId;
  return { actorId: actor.actorId ?? actor.userId, onBehalfOf, permissions: [...actor.permissions] };
}

/** Gathers rows until there are enough for a chunk. */
class Stage {
  rows = 0;
  bytes = 0;
  private texts: string[] = [];
  private size = 0;

  constructor(
    private readonly most: number,
    private readonly write: (rows: number, bytes: number, chunk: { firstRow: number; text: string }) => Promise<void>,
  ) {}

  async add(rows: readonly StagedRow[]): Promise<void> {
    for (const row of rows) {
      if (this.rows + this.texts.length >= this.most)
        throw new FileRefused('rows_surplus', `The file has more than ${this.most} rows: divide it`);
      const text = JSON.stringify(row);
      this.texts.push(text);
      this.size += text.length;
      if (this.texts.length === ROWS_OF_CHUNK || this.size >= CHARACTERS_OF_CHUNK) await this.flush();
    }
  }

  async flush(): Promise<void> {
    if (this.texts.length === 0) return;
    const firstRow = this.rows + 1;
    this.rows += this.texts.length;
    const text = `[${this.texts.join(',')}]`;
    this.texts = [];
    this.size = 0;
    await this.write(this.rows, this.bytes, { firstRow, text });
  }
}
