import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

import { newId } from '../crypto/tokens.js';
import { Database, statement } from '../database/database.js';
import { Logs } from '../logging/logger.js';
import { Listener } from './listener.js';

/** `everybody`, whoever it names: a right that many have was taken away. */
export type RevocationKind = 'session' | 'user' | 'key' | 'everybody';

interface RevocationRow {
  id: string;
  kind: RevocationKind;
  subject: string;
}

/** Rows that were found, or one without an id when there was none: each tells when PostgreSQL was asked. */
type Looked = { lookedAt: string } & (RevocationRow | { id: null });

type Reader = (kind: RevocationKind, subject: string) => void;

/** How often every process looks, and how old the last look may be. Milliseconds. */
const POLL_EVERY = 500;
const FRESH_FOR = 1000;
/** Rows are looked for again for as long as a transaction that wrote one may have been open. Milliseconds. */
const OVERLAP = 30_000;

/**
 * What was revoked since the last look ($1; null at the first), however long ago that was: a process that was cut off
 * for minutes must not miss what happened meanwhile. By PostgreSQL's clock on both sides, since processes have their own.
 */
const RECENT = statement(
  'revocations_recent',
  `SELECT looked.at::text AS "lookedAt", r.id, r.kind, r.subject
   FROM (SELECT clock_timestamp() AS at) looked LEFT JOIN roster.revocations r
     ON r.revoked_at > coalesce($1::timestamptz, looked.at) - interval '${OVERLAP} milliseconds'`,
);
const INSERT = statement(
  'revocations_insert',
  `INSERT INTO roster.revocations (id, kind, subject, revoked_at)
   SELECT id, $2, subject, clock_timestamp() FROM unnest($1::uuid[], $3::text[]) AS revoked (id, subject)`,
);

/**
 * What has been taken away, told to every process. A row is written in the transaction of the change; a NOTIFY after
 * the commit is a nudge only, for it dies silently with a half-open socket: the poll is what is relied upon.
 */
@Injectable()
export class Revocations implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly readers: Reader[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly seen = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private polling: Promise<void> | null = null;
  private again = false;
  private polledAt = Number.NEGATIVE_INFINITY;
  private cursor: string | null = null;
  private stopped = false;
  private readonly log;

  constructor(
    private readonly db: Database,
    private readonly listener: Listener,
    logs: Logs,
  ) {
    this.log = logs.of('revocations');
  }

  async onApplicationBootstrap(): Promise<void> {
    this.listener.on('roster_revocations', () => void this.poll());
    await this.poll();
    this.timer = setInterval(() => void this.poll(), POLL_EVERY).unref();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.polling;
  }

  /** Called with each thing that is taken away, in this process and in others; perhaps more than once. */
  onRevoked(reader: Reader): void {
    this.readers.push(reader);
  }

  /** False when this process has not looked for a second: then nothing that it remembers may be trusted. */
  areFresh(): boolean {
    return performance.now() - this.polledAt < FRESH_FOR;
  }

  /** Settles once it has been looked again; it may be too late by then. */
  looked(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Part of the caller's transaction. */
  async revoke(kind: RevocationKind, subjects: readonly string[]): Promise<void> {
    if (subjects.length === 0) return;
    const ids = subjects.map(() => newId());
    await this.db.change(INSERT, [ids, kind, subjects]);
    this.db.afterCommit(() => {
      subjects.forEach((subject, index) => this.tell({ id: ids[index]!, kind, subject }));
      this.listener.nudge('roster_revocations');
    });
  }

  /** Forgets rows that every process has long read. @returns how many */
  prune(): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.revocations WHERE id IN (SELECT id FROM roster.revocations
        WHERE revoked_at < clock_timestamp() - interval '1 day' ORDER BY revoked_at LIMIT $1)`,
      [],
    );
  }

  /** One look at a time; a nudge that comes during one is answered by another look after it. */
  private async poll(): Promise<void> {
    if (this.stopped) return;
    if (this.polling) {
      this.again = true;
      return;
    }
    this.polling = this.look();
    await this.polling;
    this.polling = null;
    if (this.again) {
      this.again = false;
      await this.poll();
    }
  }

  private async look(): Promise<void> {
    const startedAt = performance.now();
    try {
      const rows = await this.db.rows<Looked>(RECENT, [this.cursor]);
      for (const row of rows) if (row.id !== null) this.tell(row);
      this.cursor = rows[0]!.lookedAt;
      this.polledAt = startedAt;
      for (const resolve of this.waiting.splice(0)) resolve();
    } catch (error) {
      // Nothing remembered is trusted until a look succeeds, so this is safe; the next one is due in half a second.
      this.log.debug({ err: error }, 'The revocations could not be read');
    }
    for (const [id, at] of this.seen) if (at < startedAt - 2 * OVERLAP) this.seen.delete(id);
  }

  private tell(row: RevocationRow): void {
    if (this.seen.has(row.id)) return;
    this.seen.set(row.id, performance.now());
    for (const reader of this.readers) reader(row.kind, row.subject);
  }
}
