import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { Database } from '../platform/database/database.js';
import { Logs } from '../platform/logging/logger.js';
import { AuditKeys } from './audit-keys.js';
import { AuditRetirements } from './audit-retirements.repository.js';
import type { Retirable } from './audit-retirements.repository.js';
import { AuditRetired } from './audit.contract.js';
import { AuditLog } from './audit.service.js';
import type { Retirement } from './checkpoint.js';

const BATCH = 2000;
const RetireAudit = defineJob('audit.retire', { maxAttempts: 5 });

/**
 * Lets months of the audit log go that are older than AUDIT_RETENTION. First they are verified, then it is signed where
 * the chain begins from then on, and only then are they removed: whoever removes others has nothing that says so.
 */
@Injectable()
export class AuditRetention {
  private readonly log;

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly events: Events,
    private readonly audit: AuditLog,
    private readonly keys: AuditKeys,
    private readonly retirements: AuditRetirements,
    jobs: Jobs,
    logs: Logs,
  ) {
    this.log = logs.of('audit');
    jobs.work(RetireAudit, () => this.retire(), { cron: '7 5 * * *' });
  }

  /** @returns how many entries went */
  async retire(): Promise<number> {
    const { AUDIT_RETENTION } = this.config.values;
    const known = await this.retirements.newest();
    // The key before will be forgotten: the one of now vouches for what it signed, as long as it is known.
    if (known && known.kid !== this.keys.signer.kid) await this.retirements.keep(this.signed(known));
    // A process that died in the midst left some.
    let gone = known ? await this.remove(known.seq) : 0;
    if (AUDIT_RETENTION === null) return gone;
    const due = await this.retirements.retirable(known?.seq ?? 0, this.monthBefore(AUDIT_RETENTION));
    if (!due || !(await this.isSound(due))) return gone;
    await this.sign(due);
    gone += await this.remove(due.seq);
    return gone;
  }

  /** Where the month began in which that long ago was. */
  private monthBefore(retention: number): Date {
    const then = new Date(this.clock.millis() - retention);
    return new Date(Date.UTC(then.getUTCFullYear(), then.getUTCMonth(), 1));
  }

  /** What was changed is not made good by letting it go. */
  private async isSound({ seq, hash }: Retirable): Promise<boolean> {
    const { verified, lastCheckpointSeq, faults } = await this.audit.verifyThrough(seq);
    if (verified && lastCheckpointSeq === seq) return true;
    this.log.error({ seq, hash, fault: faults[0] }, 'Old entries of the audit log stay: verify it');
    return false;
  }

  private sign(due: Retirable): Promise<void> {
    return this.db.transaction(async () => {
      await this.retirements.keep(this.signed(due));
      this.events.record(AuditRetired, { seq: due.seq });
    });
  }

  private signed({ seq, hash, signedAt }: Retirable): Retirement {
    return this.keys.signer.retire({ seq, hash, signedAt, createdAt: this.clock.now().toISOString() });
  }

  private async remove(through: number): Promise<number> {
    let gone = 0;
    for (let batch = BATCH; batch === BATCH; gone += batch) batch = await this.retirements.remove(through, BATCH);
    return gone;
  }
}
