import { Readable } from 'node:stream';

import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import type { JobRun } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { ListQueryInvalid } from '../platform/http/lists/list-query-invalid.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import type { Principal } from '../platform/http/principal.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { afresh } from './afresh.js';
import type { Export, ExportFormat } from './export.entity.js';
import { ExportsRepository } from './exports.repository.js';
import { fateOf } from './fate.js';
import { ImportActors } from './import-actors.service.js';
import {
  ExportFetched,
  ExportFinished,
  ExportNotFound,
  ExportNotReady,
  ExportStarted,
  ExportUsers,
} from './imports.contract.js';
import { patiently } from './patiently.js';
import { UsersAsText } from './users-as-text.js';

const RunExport = defineJob<{ exportId: string }>('exports.run', { maxAttempts: 10, isLong: true });

/** Files of users: written by a job, piece by piece, into the database, from where any process can send them. */
@Injectable()
export class Exports {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly exports: ExportsRepository,
    private readonly texts: UsersAsText,
    private readonly actors: ImportActors,
    private readonly jobs: Jobs,
  ) {
    jobs.work(RunExport, ({ exportId }, run) => this.run(exportId, run));
  }

  /** @throws ExportNotFound */
  async get(id: string): Promise<Export> {
    const found = await this.exports.find(id);
    if (!found) throw new ExportNotFound();
    return found;
  }

  /** @throws ValidationFailed for a filter that no list of users would take */
  async start(format: ExportFormat, filter: string | null, actor: Principal): Promise<Export> {
    await this.refuseSenseless(format, filter);
    const id = newId();
    return this.db.transaction(async () => {
      const [actorId, createdAt] = [actor.actorId ?? actor.userId, this.clock.now()];
      const onBehalfOf = actor.actorId === null ? null : actor.userId;
      await this.exports.insert({ id, state: 'queued', format, filter, actorId, onBehalfOf, createdAt } as Export);
      await this.owe(id);
      this.events.record(
        ExportStarted,
        { exportId: id, format },
        { subject: `exports/${id}`, version: 1, after: { filter } },
      );
      return this.get(id);
    });
  }

  /** An export whose file is written. @throws ExportNotFound, ExportNotReady */
  async written(id: string): Promise<Export> {
    const found = await this.get(id);
    if (found.state !== 'completed') throw new ExportNotReady();
    return found;
  }

  /** The file; that somebody took it is a fact. @throws ExportNotFound, ExportNotReady */
  async download(id: string, readmit: () => Promise<void>): Promise<Readable> {
    const found = await this.written(id);
    await this.db.transaction(async () => {
      this.events.record(ExportFetched, { exportId: id }, { subject: `exports/${id}` });
      return Promise.resolve();
    });
    return Readable.from(this.pieces(found, readmit), { objectMode: false });
  }

  private async *pieces({ id, chunks }: Export, readmit: () => Promise<void>): AsyncGenerator<Buffer> {
    for (let number = 1; number <= chunks; number += 1) {
      const chunk = await afresh(async () => {
        await readmit();
        return this.exports.chunk(id, number);
      });
      // Whoever reads is told by a connection that breaks off: the file is not whole.
      if (!chunk) throw new ExportNotFound();
      yield chunk.bytes;
    }
  }

  /** Whoever cancels its job cancels it; a job that was given up fails it; and one that is no more is owed anew. */
  follow(id: string): Promise<void> {
    return this.db.transaction(async () => {
      const found = await this.exports.lock(id);
      if (!found || found.finishedAt) return;
      const fate = await fateOf(found.jobId, this.jobs);
      if (fate === 'cancelled') await this.end(found, 'cancelled', null);
      if (fate === 'dead') await this.end(found, 'failed', 'Its job failed too often: see why in the list of jobs');
      if (fate === 'gone') await this.owe(id);
    });
  }

  private async run(id: string, run: JobRun): Promise<void> {
    try {
      await patiently((cameOn) => this.goOn(id, run, cameOn), run.signal);
    } catch (error) {
      if (run.signal.aborted) await afresh(() => this.follow(id));
      throw error;
    }
  }

  private async goOn(id: string, run: JobRun, cameOn: () => void): Promise<void> {
    for (;;) {
      run.signal.throwIfAborted();
      const found = await afresh(() => this.step(id));
      if (!found) return;
      cameOn();
      run.progress(found.rows, found.total);
    }
  }

  /** Part of the caller's transaction. */
  private async owe(id: string): Promise<void> {
    await this.exports.owed(id, await this.jobs.enqueue(RunExport, { exportId: id }, { key: id }));
  }

  /** The next piece and where it stands are one transaction. @returns null when it is over */
  private async step(id: string): Promise<Export | null> {
    const found = await this.exports.find(id);
    if (!found || found.finishedAt) return null;
    const asked = { ...found, permissions: [ExportUsers.name] };
    if (found.actorId === null || (await this.actors.of(asked, ExportUsers)) === 'gone')
      return this.end(found, 'failed', 'The one who asked for it may export no more');
    const piece = await this.pieceOf(found);
    if (typeof piece === 'string') return this.end(found, 'failed', piece);
    return this.db.transaction(async () => {
      const present = await this.exports.lock(id);
      // Somebody else has written this piece: theirs is as good.
      if (!present || present.finishedAt || present.chunks !== found.chunks) return present;
      await this.exports.add(id, found.chunks + 1, piece, this.clock.now());
      if (piece.next === null) await this.end({ ...found, rows: found.rows + piece.rows }, 'completed', null);
      return this.exports.find(id);
    });
  }

  private async pieceOf({
    format,
    filter,
    cursor,
  }: Export): Promise<Awaited<ReturnType<UsersAsText['piece']>> | string> {
    try {
      return await this.texts.piece(format, filter, cursor);
    } catch (error) {
      if (error instanceof FilterTooCostly) return error.message;
      throw error;
    }
  }

  private async end(
    { id, rows }: Export,
    state: 'completed' | 'cancelled' | 'failed',
    problem: string | null,
  ): Promise<null> {
    await this.db.transaction(async () => {
      await this.exports.end(id, state, problem, this.clock.now());
      this.events.record(ExportFinished, { exportId: id, state, rows }, { subject: `exports/${id}` });
    });
    return null;
  }

  /** Found out now, and not by a job that fails. */
  private async refuseSenseless(format: ExportFormat, filter: string | null): Promise<void> {
    if (filter === null) return;
    try {
      await this.texts.piece(format, filter, null);
    } catch (error) {
      if (!(error instanceof ListQueryInvalid)) throw error;
      throw refusal([{ pointer: '/filter', code: error.code, detail: error.message }]);
    }
  }
}
