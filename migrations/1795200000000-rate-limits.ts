import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The shared part of the limits. Unlogged: it is written often, and after a crash an empty one does no harm. */
export class RateLimits1795200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE UNLOGGED TABLE roster.rate_limits (
        key varchar(255) PRIMARY KEY,
        points integer NOT NULL,
        expire bigint
      );
      CREATE INDEX rate_limits_expire_idx ON roster.rate_limits (expire);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE roster.rate_limits');
  }
}
