import type { Jobs } from '../jobs/index.js';

/** What the end of a job means for what it works on. */
export type Fate = 'goes on' | 'cancelled' | 'dead' | 'gone';

/** `gone`: it ended well and left work behind, or is kept no longer. */
export async function fateOf(jobId: string | null, jobs: Jobs): Promise<Fate> {
  const job = jobId === null ? null : await jobs.find(jobId);
  if (!job || job.state === 'succeeded') return 'gone';
  if (job.state === 'dead') return 'dead';
  return job.state === 'cancelled' || job.cancelRequestedAt !== null ? 'cancelled' : 'goes on';
}
