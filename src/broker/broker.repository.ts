import { Injectable } from '@nestjs/common';

import { Database, statement } from '../platform/database/database.js';

/** One row beside the other things that an installation has once: the holder, and until when. */
const CLAIM = statement(
  'broker_claim_lease',
  `INSERT INTO roster.settings AS held (name, value) VALUES ('broker_lease', CAST($1 AS text) || ' ' || CAST($3 AS text))
   ON CONFLICT (name) DO UPDATE SET value = excluded.value
   WHERE split_part(held.value, ' ', 1) = $1 OR split_part(held.value, ' ', 2) COLLATE "C" < CAST($2 AS text)`,
);
const RELEASE = `DELETE FROM roster.settings WHERE name = 'broker_lease' AND split_part(value, ' ', 1) = $1`;

@Injectable()
export class BrokerRepository {
  constructor(private readonly db: Database) {}

  /** @returns whether it is the caller's until then */
  async claimLease(holder: string, now: Date, until: Date): Promise<boolean> {
    return (await this.db.change(CLAIM, [holder, now.toISOString(), until.toISOString()])) === 1;
  }

  async releaseLease(holder: string): Promise<void> {
    await this.db.change(RELEASE, [holder]);
  }
}
