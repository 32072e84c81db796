import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When an account that its owner gave up is deleted. The index is empty at first: to build it takes one look at each row. */
export class DeletionDue1795360000000 implements MigrationInterface {
  name = 'DeletionDue1795360000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE roster.users ADD COLUMN deletion_due_at timestamptz;
      CREATE INDEX users_deletion_due_at_idx ON roster.users (deletion_due_at, id)
        WHERE deletion_due_at IS NOT NULL AND deleted_at IS NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX roster.users_deletion_due_at_idx;
      ALTER TABLE roster.users DROP COLUMN deletion_due_at;
    `);
  }
}
