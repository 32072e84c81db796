import type { MigrationInterface, QueryRunner } from 'typeorm';

import { addPartitionedIndex } from './online-index.js';

/** For whoever follows one type: without it a rare one is looked for among all. */
export class EventsByType1796010000000 implements MigrationInterface {
  /** Every change writes an event: it is made while they go on. */
  readonly transaction = false;

  up(runner: QueryRunner): Promise<void> {
    return addPartitionedIndex(runner, { name: 'events_type_idx', table: 'roster.events', on: '(type, xid, seq)' });
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX IF EXISTS roster.events_type_idx');
  }
}
