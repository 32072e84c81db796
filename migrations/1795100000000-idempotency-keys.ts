import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Answers that were given to an Idempotency-Key, for whoever asks again. */
export class IdempotencyKeys1795100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE roster.idempotency_keys (
        id bytea PRIMARY KEY,
        fingerprint bytea NOT NULL,
        answer bytea NOT NULL,
        expires_at timestamptz NOT NULL
      );
      CREATE INDEX idempotency_keys_expires_at_idx ON roster.idempotency_keys (expires_at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE roster.idempotency_keys');
  }
}
