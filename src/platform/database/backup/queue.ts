import type { Client } from 'pg';

/**
 * A job that ran while the copy was made is owed in it: the process that had it is not here, and its attempt did not
 * happen. Left locked it would wait for four hours; with its last attempt counted it would never run.
 */
const RELEASE = `
  UPDATE graphile_worker._private_jobs SET locked_at = NULL, locked_by = NULL, attempts = greatest(attempts - 1, 0)
    WHERE locked_at IS NOT NULL;
  UPDATE graphile_worker._private_job_queues SET locked_at = NULL, locked_by = NULL WHERE locked_at IS NOT NULL`;

export async function releaseJobs(client: Client): Promise<void> {
  await client.query(RELEASE);
}
