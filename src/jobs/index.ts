export { JobFailure, JobTaken, defineJob } from './job.js';
export type { JobRun, Terms } from './job.js';
export { JobsModule } from './jobs.module.js';
export { Jobs } from './jobs.service.js';
export { QueueLook } from './queue-look.js';
