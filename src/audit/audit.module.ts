import { Module } from '@nestjs/common';

import { EventsModule } from '../events/index.js';
import { JobsModule } from '../jobs/index.js';
import { AuditController } from './audit.controller.js';
import { AuditCopy } from './audit-copy.service.js';
import { AuditKeys } from './audit-keys.js';
import { AuditList } from './audit.list.js';
import { AuditRepository } from './audit.repository.js';
import { AuditRetention } from './audit-retention.service.js';
import { AuditRetirements } from './audit-retirements.repository.js';
import { AuditLog } from './audit.service.js';
import { AuditSigning } from './audit-signing.service.js';
import { AuditWatch } from './audit-watch.js';
import { SecurityLogController } from './security-log.controller.js';

@Module({
  imports: [EventsModule, JobsModule],
  controllers: [AuditController, SecurityLogController],
  providers: [
    AuditCopy,
    AuditKeys,
    AuditList,
    AuditLog,
    AuditRepository,
    AuditRetention,
    AuditRetirements,
    AuditSigning,
    AuditWatch,
  ],
})
export class AuditModule {}
