import { Injectable } from '@nestjs/common';

import { ForeignPasswords } from '../passwords/index.js';
import type { ExportFormat } from './export.entity.js';
import type { ConflictRule, FormatName, Import } from './import.entity.js';
import { firebaseConfigOf } from './import-parameters.js';
import { ImportRuns } from './import-runs.service.js';
import { FileUnreadable } from './imports.contract.js';
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

  /** Users as a file shows them. @throws ListQueryInvalid, FilterTooCostly */
  async *write(format: ExportFormat, filter: string | null): AsyncGenerator<Piece> {
    for (let cursor: string | null = null; ;) {
      const piece: Piece = await this.texts.piece(format, filter, cursor);
      yield piece;
      if (piece.next === null) return;
      cursor = piece.next;
    }
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
