import { defineEvent } from '../platform/contract/event.js';
import { definePermission } from '../platform/contract/permission.js';
import { defineProblem } from '../platform/contract/problem.js';

export const ImportUsers = definePermission('users:import', 'Import users from files, and see what became of each row');
export const ExportUsers = definePermission('users:export', 'Export users into files, and fetch them');

export class ImportNotFound extends defineProblem('import_not_found', 404, 'There is no such import', {
  cause: 'No import has this id, or its report is kept no longer (`IMPORTS_RETENTION`).',
  mend: 'Look it up in the list.',
}) {}

export class ImportOver extends defineProblem('import_over', 409, 'This import is over', {
  cause: 'What was done already is not undone: only an import that waits or runs can be cancelled.',
  mend: 'Read its report; rows that were taken over by mistake are users like others.',
}) {}

export class TooManyImports extends defineProblem('too_many_imports', 409, 'You have too many imports already', {
  cause: 'Of what one person has sent, at most 10 files may come in, wait or be taken over at the same time.',
  mend: 'Wait until one of them is over, or cancel it. An upload whose process was killed counts for an hour more.',
}) {}

export class FileUnreadable extends defineProblem('file_unreadable', 422, 'This file cannot be read', {
  cause:
    'It is of no format that is known: its columns or its first object are not those of Roster, Auth0, Keycloak, Supabase or Firebase; or it is empty, compressed, no UTF-8, or has more rows than `IMPORT_MAX_ROWS`.',
  mend: 'See `errors` for what is wrong; name the format by `format`, and the type by `Content-Type`.',
  told: {
    detail: 'The column "email" stands twice',
    errors: [{ pointer: '', code: 'column_twice', detail: 'The column "email" stands twice' }],
  },
}) {}

export class ExportNotFound extends defineProblem('export_not_found', 404, 'There is no such export', {
  cause: 'No export has this id, or its file is kept no longer (`IMPORTS_RETENTION`).',
  mend: 'Make another one.',
}) {}

export class ExportNotReady extends defineProblem('export_not_ready', 409, 'This file is not written yet', {
  cause: 'The export waits, is at work, or has failed.',
  mend: 'Ask for the export until its `state` is `completed`, or look why it failed.',
}) {}

export const ImportStarted = defineEvent('import.started', 'A file of users was handed in', {
  importId: 'uuid',
  format: 'string',
  onConflict: 'string',
  dryRun: 'boolean',
  rows: 'integer',
});
export const ImportFinished = defineEvent('import.finished', 'A file of users was gone through', {
  importId: 'uuid',
  state: 'string',
  created: 'integer',
  updated: 'integer',
  skipped: 'integer',
  failed: 'integer',
});
export const ImportCancelled = defineEvent('import.cancelled', 'An import was stopped; what was done stays', {
  importId: 'uuid',
  position: 'integer',
});
export const ExportStarted = defineEvent('export.started', 'Somebody wants users in a file', {
  exportId: 'uuid',
  format: 'string',
});
export const ExportFinished = defineEvent('export.finished', 'Users were written into a file', {
  exportId: 'uuid',
  state: 'string',
  rows: 'integer',
});
export const ExportFetched = defineEvent('export.fetched', 'Somebody fetched a file of users', { exportId: 'uuid' });
