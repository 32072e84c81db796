import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { createDataSource, migrationNames } from '../../ormconfig.js';
import { migrateUp } from '../boot.js';
import { generatedKeyFile } from '../platform/crypto/secret-key-file.js';
import { kindOf, partsOf } from '../platform/database/backup/archive-file.js';
import { verify } from '../platform/database/backup/archive.js';
import type { Contents } from '../platform/database/backup/archive.js';
import { restoreDump, verifyDump } from '../platform/database/backup/dump.js';
import { findReader } from '../platform/database/backup/postgres-tools.js';
import { refuseNewer, replay } from '../platform/database/backup/replay.js';
import type { Target } from '../platform/database/backup/replay.js';
import { LONG, placeOf, whileClosed } from '../platform/database/backup/target.js';
import { withDatabase } from './application.js';
import type { Surroundings } from './application.js';
import type { Copied } from './backup.js';
import { secretsFinding } from './doctor/database.js';
import { fault } from './doctor/finding.js';
import type { Finding } from './doctor/finding.js';
import type { Invocation } from './invocation.js';
import { Progress } from './progress.js';

type Restoration = (ownerUrl: string, signal: AbortSignal) => Promise<Copied>;

/** Fills an empty database from a file, which is verified before there is any database at all. */
export async function restoreFile({ operand, answer }: Invocation): Promise<number> {
  const file = resolve(operand);
  const restoration = (await kindOf(file)) === 'logical' ? await logical(file) : await dumped(file);
  const done = await withDatabase(async (surroundings) => {
    const { address, stop } = surroundings;
    const { ownerUrl } = address;
    const copied = await stop.interruptible((signal) => whileClosed(ownerUrl, () => restoration(ownerUrl, signal)));
    // Newer migrations, the rights of the application, and the numbers of the facts: as with every start.
    const migrated = await migrateUp(address);
    return { ...copied, database: placeOf(ownerUrl), migrated, secrets: await secretOf(surroundings) };
  });
  const { tables, rows, database, secrets } = done;
  return answer(
    [
      `✓ ${rows} rows of ${tables} tables are in the database ${database}, as they are in the file.`,
      `${secrets.verdict === 'ok' ? '✓' : '✗'} ${secrets.detail}`,
      'Letters and calls that were owed when the backup was made are owed again.',
    ].join('\n'),
    { file, ...done },
  );
}

/** The database that is filled, whose tables this version knows how to make. */
export function targetAt(ownerUrl: string): Target {
  const applicationName = 'roster-restore';
  return {
    ownerUrl,
    sourceOf: (only) => createDataSource({ url: ownerUrl, poolMax: 1, applicationName, patience: LONG, only }),
    known: migrationNames,
  };
}

export function copiedIn({ tables }: Contents): Copied {
  return { tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0) };
}

async function logical(file: string): Promise<Restoration> {
  const verifying = new Progress('Verifying');
  const { head } = await verify(partsOf(file), (rows, of) => verifying.reach(rows, of)).finally(() => verifying.end());
  refuseNewer(head.migrations, migrationNames);
  return async (ownerUrl, signal) => {
    const progress = new Progress('Restoring');
    const reached = (rows: number, of: number): void => progress.reach(rows, of);
    const parts = partsOf(file);
    const contents = replay(targetAt(ownerUrl), parts, { signal, reached });
    return copiedIn(await contents.finally(() => progress.end()));
  };
}

async function dumped(file: string): Promise<Restoration> {
  const note = await verifyDump(file);
  const tools = await findReader(file);
  return (ownerUrl, signal) => restoreDump(tools, { ownerUrl, file, signal }, note, migrationNames);
}

/** What the doctor would say of it; a secret is not generated here, where the one of the backup is missing. */
async function secretOf({ config, address }: Surroundings): Promise<Finding> {
  if (config.values.SECRET_KEY || existsSync(join(config.dataDir, generatedKeyFile)))
    return secretsFinding({ config, address });
  return fault(
    'secrets',
    `There is no secret here: set the SECRET_KEY of the backup, or put its ${generatedKeyFile} into ${config.dataDir}, before you start.`,
  );
}
