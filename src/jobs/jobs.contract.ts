import { defineEvent } from '../platform/contract/event.js';
import { definePermission } from '../platform/contract/permission.js';
import { defineProblem } from '../platform/contract/problem.js';

export const ReadJobs = definePermission('jobs:read', 'See background jobs, their progress and their schedules');
export const WriteJobs = definePermission('jobs:write', 'Retry and cancel background jobs, and run scheduled ones now');

export class JobNotFound extends defineProblem('job_not_found', 404, 'There is no such job', {
  cause: 'No job has this id, or it ended so long ago that it was forgotten (`JOBS_RETENTION`).',
  mend: 'List the jobs with `GET /api/v1/jobs` and take an id from there.',
}) {}

export class ScheduleNotFound extends defineProblem('schedule_not_found', 404, 'There is no such schedule', {
  cause: 'No job of this name is run by a schedule.',
  mend: 'List the schedules with `GET /api/v1/jobs/schedules` and take a name from there.',
}) {}

export class JobNotCancellable extends defineProblem('job_not_cancellable', 409, 'This job cannot be cancelled', {
  cause: 'The job is over, or it is of a kind that must be done whatever happens.',
  mend: 'Look at its `state`; what it has done can only be undone by another deed.',
}) {}

export class JobNotRetriable extends defineProblem('job_not_retriable', 409, 'This job cannot be tried again', {
  cause:
    'Only a job that failed, is dead or was cancelled can be tried again, and none that another of its key waits for; a secret one that was cancelled is forgotten.',
  mend: 'Look at its `state`: a job that is queued or running needs no help, and one that succeeded is done.',
}) {}

export const JobCancelled = defineEvent('job.cancelled', 'Somebody cancelled a background job', {
  jobId: 'uuid',
  name: 'string',
});
export const JobRetried = defineEvent('job.retried', 'Somebody had a background job tried again', {
  jobId: 'uuid',
  name: 'string',
});
export const ScheduleRun = defineEvent('schedule.run', 'Somebody had a scheduled job run at once', {
  jobId: 'uuid',
  name: 'string',
});
