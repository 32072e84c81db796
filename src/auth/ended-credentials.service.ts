import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Keys } from '../keys/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Config } from '../platform/config/config.js';
import { InvitationsRepository } from './invitations/invitations.repository.js';
import { ApiKeysRepository } from './keys/api-keys.repository.js';

const PruneCredentials = defineJob('credentials.prune', { maxAttempts: 3 });

/** Forgets keys and invitations that have been over for CREDENTIALS_RETENTION: long enough for whoever looks back. */
@Injectable()
export class EndedCredentials {
  constructor(
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly apiKeys: ApiKeysRepository,
    private readonly invitations: InvitationsRepository,
    private readonly signingKeys: Keys,
    jobs: Jobs,
  ) {
    jobs.work(PruneCredentials, () => this.prune(), { cron: '53 4 * * *' });
  }

  async prune(): Promise<void> {
    const before = new Date(this.clock.millis() - this.config.values.CREDENTIALS_RETENTION);
    await this.apiKeys.prune(before);
    await this.invitations.prune(before);
    await this.signingKeys.forgetRetired(before);
  }
}
