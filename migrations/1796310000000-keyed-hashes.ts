import type { MigrationInterface, QueryRunner } from 'typeorm';

import { addIndex } from './online-index.js';

/** Hashes that hold a sealed key, which is sealed anew under a new one. */
export class KeyedHashes1796310000000 implements MigrationInterface {
  /** Whoever sets a password goes on meanwhile. */
  readonly transaction = false;

  up(runner: QueryRunner): Promise<void> {
    const on = "(user_id) WHERE hash LIKE '$firebase-scrypt$%'";
    return addIndex(runner, { name: 'password_hashes_keyed_idx', table: 'roster.password_hashes', on });
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX IF EXISTS roster.password_hashes_keyed_idx');
  }
}
