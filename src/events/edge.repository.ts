import { Injectable } from '@nestjs/common';

import { Database, statement } from '../platform/database/database.js';

/** What a reader has not read. */
export interface Backlog {
  /** The reader stands where no fact will ever be: after another cluster's count (docs/operations.md). */
  readonly ahead: boolean;
  /** When the oldest fact happened that it has not read, be it final or not; null if there is none. */
  readonly oldestAt: Date | null;
}

const BACKLOG = statement(
  'events_backlog',
  `SELECT greatest(c.xid, (SELECT xid FROM roster.events ORDER BY xid DESC LIMIT 1)) >= pg_snapshot_xmax(pg_current_snapshot()) AS ahead,
     (SELECT occurred_at FROM roster.events WHERE (xid, seq) > (c.xid, c.seq) ORDER BY xid, seq LIMIT 1) AS "oldestAt"
   FROM (SELECT xid, seq FROM roster.event_cursors WHERE reader = $1 UNION ALL SELECT '0', 0 ORDER BY xid DESC LIMIT 1) c`,
);
const BEYOND = statement(
  'events_beyond_edge',
  `SELECT occurred_at AS "oldestAt" FROM roster.events
   WHERE xid >= (SELECT pg_snapshot_xmin(pg_current_snapshot())) ORDER BY xid, seq LIMIT 1`,
);
/**
 * Every transaction with a number holds a lock on it. Everybody may see these, and whose they are; when it began is told
 * only to its own role and to whoever has pg_read_all_stats.
 */
const HOLDER = statement(
  'events_edge_holder',
  `SELECT l.pid, a.application_name AS application, coalesce(a.usename, p.owner) AS role, coalesce(a.datname, p.database) AS database,
     p.gid, coalesce(a.xact_start, p.prepared) AS since
   FROM (SELECT CAST(pg_snapshot_xmin(pg_current_snapshot()) AS xid) AS xid) edge
   JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = edge.xid AND l.mode = 'ExclusiveLock' AND l.granted
   LEFT JOIN pg_stat_activity a ON a.pid = l.pid
   LEFT JOIN pg_prepared_xacts p ON p.transaction = l.transactionid
   LIMIT 1`,
);

interface Holder {
  /** None has who was prepared. */
  readonly pid: number | null;
  readonly application: string | null;
  readonly role: string | null;
  readonly database: string | null;
  readonly gid: string | null;
  readonly since: Date | null;
}

/** Where the order of commits is not final yet, and who holds it up. */
@Injectable()
export class EdgeRepository {
  constructor(private readonly db: Database) {}

  async backlogOf(reader: string): Promise<Backlog> {
    return (await this.db.row<Backlog>(BACKLOG, [reader]))!;
  }

  /** When the oldest fact happened that nobody may read yet, since a transaction before it is open; null if there is none. */
  async heldSince(): Promise<Date | null> {
    return (await this.db.row<{ oldestAt: Date }>(BEYOND))?.oldestAt ?? null;
  }

  /** The oldest transaction that is open anywhere in the cluster, in words for an operator; null if there is none. */
  async holder(): Promise<string | null> {
    const holder = await this.db.row<Holder>(HOLDER);
    return holder && wordsFor(holder);
  }
}

function wordsFor({ pid, application, role, database, gid, since }: Holder): string {
  const began = since === null ? '' : ` since ${since.toISOString()}`;
  const whose = `of ${role} in database ${database}`;
  if (gid !== null) return `the prepared transaction ${JSON.stringify(gid)} ${whose}${began}`;
  return `pid ${pid} (${JSON.stringify(application)}) ${whose}${began}`;
}
