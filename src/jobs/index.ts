export { defineJob } from './job.js';
export { JobsModule } from './jobs.module.js';
export { Jobs } from './jobs.service.js';
