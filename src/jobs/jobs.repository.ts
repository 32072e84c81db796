import { Injectable } from '@nestjs/common';

import { Database, statement } from '../platform/database/database.js';

const ADD = statement(
  'jobs_add',
  'SELECT graphile_worker.add_job($1, payload => $2::json, max_attempts => $3, job_key => $4)',
);

@Injectable()
export class JobsRepository {
  constructor(private readonly db: Database) {}

  async add(name: string, payload: object, maxAttempts: number, key: string | null): Promise<void> {
    await this.db.row(ADD, [name, JSON.stringify(payload), maxAttempts, key]);
  }
}
