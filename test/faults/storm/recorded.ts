import type { OwnCluster } from '../../events/own-cluster.js';
import type { RecordedTold, StoredUser } from './judge.js';
import { told } from './told.js';

interface FactRow {
  readonly id: string;
  readonly type: string;
  readonly subject: string | null;
  readonly version: number | null;
  readonly at: Date;
  readonly data: object;
  readonly requestId: string | null;
}

/** All facts that there are, in the order of their commits. */
export async function factsOf({ sql }: OwnCluster): Promise<RecordedTold[]> {
  const rows = await sql<FactRow>(
    `SELECT id, type, subject, subject_version AS version, occurred_at AS at, data, private ->> 'requestId' AS "requestId"
     FROM roster.events ORDER BY xid, seq`,
  );
  return rows.map(({ at, requestId, ...fact }) => ({ ...told({ ...fact, time: at.toISOString() }), requestId }));
}

/** All users, deleted ones too. */
export function usersOf({ sql }: OwnCluster): Promise<StoredUser[]> {
  return sql<StoredUser>(
    `SELECT id, version, deleted_at IS NOT NULL AS deleted, metadata ->> 'turn' AS turn FROM roster.users`,
  );
}
