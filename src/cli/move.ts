import { migrateUp } from '../boot.js';
import { Clock } from '../platform/clock/clock.js';
import { OperatorFault } from '../platform/config/operator-fault.js';
import { replay } from '../platform/database/backup/replay.js';
import { snapshotOf } from '../platform/database/backup/snapshot.js';
import { LONG, placeOf, whileClosed } from '../platform/database/backup/target.js';
import { DatabaseAddress } from '../platform/database/address.js';
import { withConnection } from '../platform/database/data-source.js';
import { waitForDatabase } from '../platform/database/wait.js';
import { withDatabase } from './application.js';
import type { Copied } from './backup.js';
import type { Invocation } from './invocation.js';
import { Progress } from './progress.js';
import { copiedIn, targetAt } from './restore.js';

/** How long a server that does not answer is waited for. Milliseconds. */
const PATIENCE = 10_000;

/** Copies the embedded database to a server, where each table is read again and compared; the embedded one stays. */
export async function moveToServer({ operand, answer }: Invocation): Promise<number> {
  const target = readable(operand);
  const moved = await withDatabase(async ({ address, stop, config }) => {
    if (!address.embedded)
      throw new OperatorFault('DATABASE_URL is set: what is moved is the embedded database. Use backup and restore.');
    await waitForDatabase(target, PATIENCE, () => undefined);
    const copied = await stop.interruptible((signal) =>
      whileClosed(address.ownerUrl, () => whileClosed(target, () => copy(address.ownerUrl, target, signal))),
    );
    await migrateUp(new DatabaseAddress(target, target, false));
    return { ...copied, dataDir: config.dataDir, ownSecret: Boolean(config.values.SECRET_KEY) };
  });
  const settings = { DATABASE_MIGRATION_URL: shown(target), DATABASE_URL: shown(target) };
  return answer(textOf(moved, target), { ...moved, database: placeOf(target), settings });
}

function textOf(moved: Copied & { dataDir: string; ownSecret: boolean }, target: string): string {
  const { tables, rows, dataDir, ownSecret } = moved;
  return [
    `✓ ${rows} rows of ${tables} tables are on ${placeOf(target)}: each table was read there again, and is the same.`,
    '',
    'Set these, and start Roster:',
    `  DATABASE_MIGRATION_URL=${shown(target)}`,
    `  DATABASE_URL=${shown(target)}`,
    '  or, for DATABASE_URL, a role that owns no table: deploy/roles.sh shows how one is made.',
    ...(ownSecret ? [] : [`  SECRET_KEY_FILE=${dataDir}/secret.key, if DATA_DIR will be another.`]),
    '',
    `The embedded database in ${dataDir} is as it was. Whatever starts without DATABASE_URL goes on with that one.`,
  ].join('\n');
}

async function copy(from: string, target: string, signal: AbortSignal): Promise<Copied> {
  const progress = new Progress('Moving');
  const reached = (rows: number, of: number): void => progress.reach(rows, of);
  try {
    return await withConnection(
      from,
      async (client) => {
        const parts = snapshotOf(client, { madeAt: new Clock().now(), signal });
        return copiedIn(await replay(targetAt(target), parts, { signal, reached }));
      },
      LONG,
    );
  } finally {
    progress.end();
  }
}

function readable(text: string): string {
  if (!URL.canParse(text) || !/^postgres(ql)?:$/.test(new URL(text).protocol) || new URL(text).pathname.length < 2)
    throw new OperatorFault('Say where to move by postgres://role:password@host:5432/database.');
  return text;
}

/** Without the password: what is printed stays in somebody's terminal. */
function shown(url: string): string {
  const address = new URL(url);
  if (address.password) address.password = '***';
  return address.href;
}
