import { Injectable } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { Logs } from '../platform/logging/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { MailRepository } from './mail.repository.js';
import { SmtpClient } from './smtp-client.js';
import { templateOf } from './template.js';

/** A mail that is owed. */
export interface Letter {
  /** Null for nobody. */
  readonly to: string | null;
  readonly locale: string;
  readonly template: string;
  readonly values: object;
}

/** What became of a letter: `failed` counts tries, the others letters. */
type Outcome = 'sent' | 'outbox' | 'refused' | 'given_up' | 'nobody' | 'failed';

/** A letter that fails when it is as old as this is tried no more: a weekend is survived. Milliseconds. */
const TRIED_FOR = 3 * 24 * 3_600_000;

/** Writes a letter out and brings it where it belongs: to the mail server, or to the development outbox. */
@Injectable()
export class Postman {
  private readonly log;
  private readonly outcomes;

  constructor(
    private readonly messages: MailRepository,
    private readonly smtp: SmtpClient,
    private readonly publicUrl: PublicUrl,
    private readonly clock: Clock,
    metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('mail');
    this.outcomes = metrics.counter('mail_sent_total', 'Mails by what became of them', ['result']);
  }

  /** @throws Error when it is to be tried again */
  async deliver(id: string, letter: Letter): Promise<void> {
    try {
      this.outcomes.inc({ result: await this.bring(id, letter) });
    } catch (error) {
      this.outcomes.inc({ result: 'failed' satisfies Outcome });
      if (this.clock.millis() - madeAt(id) < TRIED_FOR) throw error;
      this.outcomes.inc({ result: 'given_up' satisfies Outcome });
      this.log.error({ mail: id, template: letter.template, err: error }, 'A mail is given up: it is three days old');
    }
  }

  private async bring(id: string, { to, locale, template, values }: Letter): Promise<Outcome> {
    if (to === null) return 'nobody';
    const mail = templateOf(template).render(values as never, locale, new URL(this.publicUrl.value).host);
    if (!this.smtp.employed) {
      await this.messages.insertOnce({ id, recipient: to, ...mail, createdAt: this.clock.now() });
      return 'outbox';
    }
    const refusal = await this.smtp.handIn(id, to, mail);
    if (refusal === null) return 'sent';
    // Whom it was for stays out of the log.
    this.log.warn(
      { mail: id, template, reply: refusal },
      'The mail server refuses an address for good: no further try',
    );
    return 'refused';
  }
}

/** The moment in a UUIDv7 (RFC 9562, 5.7), in milliseconds since 1970. */
function madeAt(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}
