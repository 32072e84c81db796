import { Injectable } from '@nestjs/common';

import { Database, statement } from '../platform/database/database.js';
import type { Deed } from '../platform/database/transaction.js';

export interface Fact {
  readonly id: string;
  readonly type: string;
  readonly subject: string | null;
  readonly subjectVersion: number | null;
  readonly data: object;
  readonly private: object;
  readonly occurredAt: Date;
}

const INSERT = statement(
  'events_insert',
  `INSERT INTO roster.events (id, type, subject, subject_version, data, private, occurred_at)
   SELECT id, type, subject, version, data::jsonb, private::jsonb, at
   FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[])
     AS fact (id, type, subject, version, data, private, at)`,
);

@Injectable()
export class EventsRepository {
  constructor(private readonly db: Database) {}

  /** All facts of a transaction in one statement, in the order in which they were recorded. */
  insertion(facts: readonly Fact[]): Deed {
    const values = [
      facts.map((fact) => fact.id),
      facts.map((fact) => fact.type),
      facts.map((fact) => fact.subject),
      facts.map((fact) => fact.subjectVersion),
      facts.map((fact) => JSON.stringify(fact.data)),
      facts.map((fact) => JSON.stringify(fact.private)),
      facts.map((fact) => fact.occurredAt),
    ];
    return { deed: INSERT, values };
  }

  /** Partitions of all partitioned tables, from the month of `at` on; runs with the owner's rights (SECURITY DEFINER). */
  async ensurePartitions(at: Date, months: number): Promise<void> {
    await this.db.row('SELECT roster.ensure_partitions($1, $2)', [at, months]);
  }
}
