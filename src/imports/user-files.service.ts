import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { ForeignPasswords } from '../passwords/index.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import type { ExportFormat } from './export.entity.js';
import type { ConflictRule, FormatName, Import } from './import.entity.js';
import { firebaseConfigOf } from './import-parameters.js';
import { ImportRuns } from './import-runs.service.js';
import { ExportFinished, ExportStarted, FileUnreadable } from './imports.contract.js';
import { ImportsList } from './imports.list.js';
import type { ReportedRow } from './imports.repository.js';
import { Imports } from './imports.service.js';
import type { ImportTerms } from './imports.service.js';
import type { FileType } from './reading/file-reader.js';
import { FileRefused } from './reading/source-row.js';
import { UsersAsText } from './users-as-text.js';
import type { Piece } from './users-as-text.js';

/** How the operator wants a file taken over. */
interface Wanted {
  readonly type: FileType;
  readonly onConflict: ConflictRule;
  readonly dryRun: boolean;
  /** Null: it is recognised. */
  readonly format: FormatName | null;
  /** As Firebase's console shows it, in one line. */
  readonly firebase: string | null;
}

const SHOWN = 20;

/** Files of users for the command line: by the same services, in this process, and bounded by nobody's permissions. */
@Injectable()
export class UserFiles {
  constructor(
    private readonly imports: Imports,
    private readonly runs: ImportRuns,
    private readonly lists: ImportsList,
    private readonly texts: UsersAsText,
    private readonly foreign: ForeignPasswords,
    private readonly db: Database,
    private readonly events: Events,
  ) {}

  /**
   * Takes a file over. Whoever ends the process in the middle leaves the rest to the next server that runs.
   * @throws FileUnreadable, ParameterInvalid
   */
  async take(
    bytes: AsyncIterable<Uint8Array>,
    { firebase, type, ...terms }: Wanted,
    told: (done: number, of: number) => void,
  ): Promise<{ found: Import; failed: readonly ReportedRow[] }> {
    const firebasePrefix = firebase === null ? null : this.foreign.firebasePrefix(firebaseConfigOf(firebase));
    const id = await this.receive(bytes, type, { ...terms, firebasePrefix });
    await this.imports.accept(id);
    await this.runs.run(id, undefined, told);
    const query = { limit: SHOWN, count: 'none', filter: 'status eq "failed"', streamed: false } as const;
    return { found: await this.imports.get(id), failed: (await this.lists.rowsOf(id, query)).rows };
  }

  /**
   * Users as a file shows them; that they were taken out is a fact, as over HTTP, and so is that it failed.
   * @returns how many were written
   * @throws ListQueryInvalid, FilterTooCostly, and what `into` throws
   */
  async write(
    format: ExportFormat,
    filter: string | null,
    into: (pieces: AsyncIterable<Piece>) => Promise<void>,
  ): Promise<number> {
    const first = await this.texts.piece(format, filter, null);
    const exportId = newId();
    const finished = (state: 'completed' | 'failed'): Promise<void> =>
      this.record(ExportFinished, { exportId, state, rows }, { subject: `exports/${exportId}` });
    let rows = 0;
    const counted = async function* (pieces: AsyncIterable<Piece>): AsyncGenerator<Piece> {
      for await (const piece of pieces) {
        yield piece;
        rows += piece.rows;
      }
    };
    const after = { filter };
    await this.record(ExportStarted, { exportId, format }, { subject: `exports/${exportId}`, version: 1, after });
    try {
      await into(counted(this.piecesFrom(first, format, filter)));
    } catch (error) {
      await finished('failed').catch(() => {
        // Why it failed matters more than that this could not be recorded: the fact that it began is there.
      });
      throw error;
    }
    await finished('completed');
    return rows;
  }

  private async *piecesFrom(first: Piece, format: ExportFormat, filter: string | null): AsyncGenerator<Piece> {
    yield first;
    for (let { next } = first; next !== null;) {
      const piece = await this.texts.piece(format, filter, next);
      yield piece;
      next = piece.next;
    }
  }

  private record(...fact: Parameters<Events['record']>): Promise<void> {
    return this.db.transaction(() => Promise.resolve(this.events.record(...fact)));
  }

  private async receive(bytes: AsyncIterable<Uint8Array>, type: FileType, terms: ImportTerms): Promise<string> {
    try {
      return await this.imports.receive(bytes, type, terms, null);
    } catch (error) {
      if (error instanceof FileRefused) throw new FileUnreadable(error.message);
      throw error;
    }
  }
}
