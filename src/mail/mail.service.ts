import { Injectable } from '@nestjs/common';

import { Jobs, defineJob } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Secrets } from '../platform/crypto/secrets.js';
import { newId } from '../platform/crypto/tokens.js';
import { MailRepository } from './mail.repository.js';
import { Postman } from './postman.js';
import type { Letter } from './postman.js';
import type { MailMessage } from './mail-message.entity.js';
import type { MailTemplate } from './template.js';

/** Whom a mail is for, and the language it should be in. */
export interface Recipient {
  readonly email: string;
  readonly locale: string;
}

/** More than the postman needs, who gives a letter up when it is three days old: the tries are of four days. */
const DeliverMail = defineJob<{ id: string; sealed: string }>('mail.deliver', {
  maxAttempts: 25,
  isSecret: true,
  cancellable: false,
});
const PruneOutbox = defineJob('mail.prune', { maxAttempts: 3 });
const KEPT_FOR = 7 * 24 * 3_600_000;
/** Letters are filled up to a multiple of it, so that their length says nothing. Bytes. */
const ENVELOPE = 512;

/** Mail is owed in the transaction that causes it and delivered later. */
@Injectable()
export class Mail {
  constructor(
    private readonly jobs: Jobs,
    private readonly secrets: Secrets,
    private readonly messages: MailRepository,
    private readonly clock: Clock,
    private readonly postman: Postman,
  ) {
    jobs.work(DeliverMail, ({ id, sealed }) => this.deliver(id, sealed));
    jobs.work(PruneOutbox, () => this.messages.deleteBefore(new Date(clock.millis() - KEPT_FOR)), {
      cron: '41 3 * * *',
    });
  }

  /**
   * Part of the caller's transaction. The letter waits sealed: whoever reads the queue learns neither code nor address.
   * @param to null for nobody: it costs what a letter costs, so that no answer tells whether an address is known
   */
  async send<V extends object>(template: MailTemplate<V>, to: Recipient | null, values: V): Promise<void> {
    const id = newId();
    const letter: Letter = { to: to?.email ?? null, locale: to?.locale ?? 'en', template: template.name, values };
    const sealed = this.secrets.seal('mail', filledUp(JSON.stringify(letter)), id).toString('base64');
    await this.jobs.enqueue(DeliverMail, { id, sealed });
  }

  newest(limit: number): Promise<MailMessage[]> {
    return this.messages.newest(limit);
  }

  find(id: string): Promise<MailMessage | null> {
    return this.messages.find(id);
  }

  private async deliver(id: string, sealed: string): Promise<void> {
    const letter = JSON.parse(this.secrets.open('mail', Buffer.from(sealed, 'base64'), id).toString()) as Letter;
    await this.postman.deliver(id, letter);
  }
}

/** With spaces, which JSON does not mind. */
function filledUp(json: string): Buffer {
  const bytes = Buffer.from(json);
  return Buffer.concat([bytes], Math.ceil(bytes.length / ENVELOPE) * ENVELOPE).fill(' ', bytes.length);
}
