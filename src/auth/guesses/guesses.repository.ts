import { Injectable } from '@nestjs/common';

import { Database, statement } from '../../platform/database/database.js';

/** From one source: so many are free, then each costs a pause that doubles, up to a quarter of an hour. Seconds. */
const FREE = 10;
const LONGEST_PAUSE = 900;
/** From all sources together (NIST SP 800-63B-4, 3.2.2: at most 100), and the pause that comes then. Seconds. */
const FREE_OF_ALL = 90;
const PAUSE_OF_ALL = 3600;
/** So many are heard after such a pause, before the next: one guess an hour must not keep strangers out for ever. */
const FREE_AGAIN = 10;

const FAILURES = `CASE
  WHEN g.blocked_until > $3 THEN g.failures
  WHEN g.last_at < $3 - interval '1 day' THEN 1
  WHEN g.source = '' AND g.blocked_until IS NOT NULL THEN ${FREE_OF_ALL - FREE_AGAIN + 1}
  ELSE g.failures + 1 END`;
// One statement counts and decides, so that of many at once no more are heard than may be.
const RESERVE = statement(
  'guesses_reserve',
  `INSERT INTO roster.guesses AS g (account, source, failures, last_at, refused)
   VALUES ($1, $2, 1, $3, false)
   ON CONFLICT (account, source) DO UPDATE SET
     refused = coalesce(g.blocked_until > $3, false),
     failures = ${FAILURES},
     last_at = CASE WHEN g.blocked_until > $3 THEN g.last_at ELSE $3 END,
     blocked_until = CASE
       WHEN g.blocked_until > $3 THEN g.blocked_until
       WHEN g.source = '' AND ${FAILURES} >= ${FREE_OF_ALL} THEN $3 + interval '${PAUSE_OF_ALL} seconds'
       WHEN g.source <> '' AND ${FAILURES} >= ${FREE}
         THEN $3 + make_interval(secs => least(${LONGEST_PAUSE}, power(2, least(${FAILURES} - ${FREE}, 20))))
     END
   RETURNING refused, blocked_until AS "blockedUntil"`,
);
const FORGIVE = statement('guesses_forgive', `DELETE FROM roster.guesses WHERE account = $1 AND source = ANY($2)`);

export interface Counted {
  readonly refused: boolean;
  readonly blockedUntil: Date | null;
}

@Injectable()
export class GuessesRepository {
  constructor(private readonly db: Database) {}

  /** Counts one more, from this source. */
  async reserve(account: Buffer, source: Buffer, now: Date): Promise<Counted> {
    return (await this.db.row<Counted>(RESERVE, [account, source, now]))!;
  }

  async forgive(account: Buffer, sources: readonly Buffer[]): Promise<void> {
    await this.db.change(FORGIVE, [account, sources]);
  }

  /** @returns how many sources were counted */
  forget(account: Buffer): Promise<number> {
    return this.db.change('DELETE FROM roster.guesses WHERE account = $1', [account]);
  }

  deleteBefore(moment: Date): Promise<number> {
    return this.db.changeAll(
      `DELETE FROM roster.guesses WHERE (account, source) IN
        (SELECT account, source FROM roster.guesses WHERE last_at < $1 ORDER BY last_at LIMIT $2)`,
      [moment],
    );
  }
}
