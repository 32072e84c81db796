import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An export is held to both people, where one acted for the other. */
export class ExportsOnBehalf1796510000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE roster.exports ADD on_behalf_of uuid');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE roster.exports DROP on_behalf_of');
  }
}
