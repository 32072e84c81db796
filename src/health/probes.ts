import type { HealthReport } from './health.service.js';

/** draft-inadarei-api-health-check, section 3 */
export const HEALTH_JSON = 'application/health+json';

/** What balancers and orchestrators go by. */
export function statusOf({ status }: HealthReport): number {
  return status === 'fail' ? 503 : 200;
}
