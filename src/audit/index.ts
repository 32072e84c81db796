export { AuditModule } from './audit.module.js';
export { AuditLog } from './audit.service.js';
export type { ChainReport } from './chain.js';
export { checkpointKeys } from './checkpoint.js';
export { verifyExport } from './export.js';
