export { HealthModule } from './health.module.js';
export { ManagementServer } from './management-server.js';
