import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { newId } from '../platform/crypto/tokens.js';
import { MailRepository } from './mail.repository.js';
import type { MailMessage } from './mail-message.entity.js';
import { templateOf } from './template.js';
import type { MailTemplate } from './template.js';

interface Letter {
  readonly to: string;
  readonly template: string;
  readonly values: object;
}

const DeliverMail = defineJob<{ id: string; sealed: string }>('mail.deliver', { maxAttempts: 10 });
const PruneOutbox = defineJob('mail.prune', { maxAttempts: 3 });
const KEPT_FOR = 7 * 24 * 3_600_000;

/** Mail is owed in the transaction that causes it and delivered later, to the development outbox. */
@Injectable()
export class Mail {
  constructor(
    private readonly jobs: Jobs,
    private readonly secrets: Secrets,
    private readonly messages: MailRepository,
    private readonly clock: Clock,
  ) {
    jobs.work(DeliverMail, ({ id, sealed }) => this.deliver(id, sealed));
    jobs.work(PruneOutbox, () => this.messages.deleteBefore(new Date(clock.millis() - KEPT_FOR)), {
      cron: '41 3 * * *',
    });
  }

  /** Part of the caller's transaction. The letter waits sealed: whoever reads the queue learns neither code nor address. */
  async send<V extends object>(template: MailTemplate<V>, to: string, values: V): Promise<void> {
    const id = newId();
    const letter: Letter = { to, template: template.name, values };
    const sealed = this.secrets.seal('mail', Buffer.from(JSON.stringify(letter)), id).toString('base64');
    await this.jobs.enqueue(DeliverMail, { id, sealed });
  }

  newest(limit: number): Promise<MailMessage[]> {
    return this.messages.newest(limit);
  }

  private async deliver(id: string, sealed: string): Promise<void> {
    const letter = JSON.parse(this.secrets.open('mail', Buffer.from(sealed, 'base64'), id).toString()) as Letter;
    const rendered = templateOf(letter.template).render(letter.values as never);
    await this.messages.insertOnce({ id, recipient: letter.to, ...rendered, createdAt: this.clock.now() });
  }
}
