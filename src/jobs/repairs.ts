import { TICKET } from './jobs.repository.js';

// What the engine took, and was not given: the answer was lost. It keeps none that it does not begin for as much as a second.
export const UNLOCK_LOST = `WITH lost AS (
    UPDATE graphile_worker._private_jobs t SET locked_at = NULL, locked_by = NULL FROM graphile_worker._private_tasks k
    WHERE k.id = t.task_id AND k.identifier LIKE 'job:%' AND t.locked_by = $1 AND t.id <> ALL($2::bigint[])
      AND t.locked_at < clock_timestamp() - interval '1 minute' RETURNING t.job_queue_id)
  UPDATE graphile_worker._private_job_queues q SET locked_at = NULL, locked_by = NULL FROM lost
  WHERE q.id = lost.job_queue_id AND q.locked_by = $1`;
// Whoever has such a ticket gives signs of life. Of older versions nobody does: graphile-worker opens their locks after four hours.
export const UNLOCK_STRANGERS = `SELECT graphile_worker.force_unlock_workers(ARRAY(SELECT DISTINCT t.locked_by
  FROM graphile_worker._private_jobs t JOIN graphile_worker._private_tasks k ON k.id = t.task_id
  WHERE t.locked_at < clock_timestamp() - interval '1 minute' AND (k.identifier LIKE 'job:%' OR k.identifier = 'jobs.schedule')
    AND t.locked_by NOT IN (SELECT id FROM roster.job_workers)))`;
// Whatever happened to the ticket (an older version may have taken it): nothing that waits is forgotten.
export const REPAIR = `SELECT ${TICKET('j')} AS ticket FROM (
    SELECT * FROM roster.jobs r WHERE r.state IN ('queued', 'failed') AND r.run_at < clock_timestamp() - interval '1 minute'
      AND NOT EXISTS (SELECT 1 FROM graphile_worker._private_jobs t WHERE t.key = r.id::text) LIMIT 1000) j`;

// A kind that was taken out, or renamed: of its jobs somebody should know.
export const BURY = `WITH unknown AS (UPDATE roster.jobs j SET state = 'dead', finished_at = clock_timestamp(), version = version + 1,
      last_error = 'For a day no process has known this kind of job'
    WHERE state IN ('queued', 'failed') AND run_at < clock_timestamp() - interval '1 day'
      AND NOT EXISTS (SELECT 1 FROM roster.job_workers w WHERE j.name = ANY(w.kinds)) RETURNING id)
  SELECT (graphile_worker.remove_job(id::text)).id FROM unknown`;
