import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import { Mail } from '../mail/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { Database } from '../platform/database/database.js';
import { refuseStale } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import type { User, UserRow } from './user.entity.js';
import { UserStatusService } from './user-status.service.js';
import { LastAdministrator, UserDeletionCancelled, UserDeletionScheduled } from './users.contract.js';
import { AccountToBeDeleted } from './users.mails.js';
import { UsersRepository } from './users.repository.js';
import type { Due } from './users.repository.js';
import { Users } from './users.service.js';

const DAY = 24 * 3_600_000;
const AT_ONCE = 100;
const DeleteDue = defineJob('users.delete_due', { maxAttempts: 3, cancellable: false });

/** People who give up their account, and have some days to think it over. */
@Injectable()
export class OwnDeletion {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly events: Events,
    private readonly users: Users,
    private readonly repository: UsersRepository,
    private readonly status: UserStatusService,
    private readonly mail: Mail,
    jobs: Jobs,
  ) {
    jobs.work(DeleteDue, () => this.deleteDue(), { cron: '* * * * *' });
  }

  /** Ends every session. A day that is set already stays. @throws PreconditionFailed, LastAdministrator */
  async ask(id: string, expected: Versions): Promise<void> {
    await this.db.transaction(async () => {
      const user = await this.users.lock(id);
      refuseStale(user, expected);
      if (this.config.values.DELETION_GRACE === 0) return this.status.remove(user);
      if (!user.deletionDueAt) await this.schedule(user);
      await this.status.lockOut(id, 'deletion_scheduled');
    });
  }

  /** The account stays; so does one that nobody gave up. @throws PreconditionFailed */
  cancel(id: string, expected: Versions): Promise<UserRow> {
    return this.db.transaction(async () => {
      const user = await this.users.lock(id);
      refuseStale(user, expected);
      const { deletionDueAt } = user;
      if (deletionDueAt) {
        await this.note(user, null);
        const circumstances = { before: { deletionDueAt }, after: { deletionDueAt: null } };
        this.events.record(UserDeletionCancelled, { userId: id }, { ...about(user), ...circumstances });
      }
      return this.users.get(id);
    });
  }

  /** Each in a transaction of its own, so that one who cannot be deleted stands in nobody's way. @returns how many */
  async deleteDue(): Promise<number> {
    let deleted = 0;
    for (let last: Due | null = null; ;) {
      const due: Due[] = await this.repository.dueForDeletion(this.clock.now(), last, AT_ONCE);
      for (const { id } of due) if (await this.deleteIfDue(id)) deleted += 1;
      if (due.length < AT_ONCE) return deleted;
      last = due.at(-1)!;
    }
  }

  private async schedule(user: User): Promise<void> {
    await this.status.refuseLastAdministrator(user);
    const dueAt = new Date(this.clock.millis() + this.config.values.DELETION_GRACE * DAY);
    await this.note(user, dueAt);
    const circumstances = { before: { deletionDueAt: null }, after: { deletionDueAt: dueAt } };
    this.events.record(UserDeletionScheduled, { userId: user.id, dueAt }, { ...about(user), ...circumstances });
    await this.mail.send(AccountToBeDeleted, user, { day: dueAt.toISOString().slice(0, 10) });
  }

  /** They may have been kept, or deleted by somebody else, since they were found. */
  private async deleteIfDue(id: string): Promise<boolean> {
    try {
      return await this.db.transaction(async () => {
        const user = await this.repository.lock(id);
        const now = this.clock.now();
        if (!user?.deletionDueAt || user.deletedAt || user.deletionDueAt > now) return false;
        user.settle(now);
        await this.status.remove(user);
        return true;
      });
    } catch (error) {
      // Deleted once there is another administrator.
      if (error instanceof LastAdministrator) return false;
      throw error;
    }
  }

  private async note(user: User, dueAt: Date | null): Promise<void> {
    user.deletionDueAt = dueAt;
    user.touch(this.clock.now());
    await this.repository.update(user);
  }
}

function about(user: User): { subject: string; version: number } {
  return { subject: `users/${user.id}`, version: user.version };
}
