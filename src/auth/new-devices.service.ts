import { Injectable } from '@nestjs/common';

import { Mail } from '../mail/index.js';
import { Clock } from '../platform/clock/clock.js';
import { currentRequest } from '../platform/logging/request-context.js';
import { Sessions, deviceOf } from '../sessions/index.js';
import { NewDevice } from './accounts/account.mails.js';

/** Tells people by mail of a sign-in by what, or from where, they never signed in before. */
@Injectable()
export class NewDevices {
  constructor(
    private readonly clock: Clock,
    private readonly sessions: Sessions,
    private readonly mail: Mail,
  ) {}

  /** Part of the transaction that starts the session, before it does. Of the first sign-in of all nobody is told. */
  async tell(user: { readonly id: string; readonly email: string; readonly locale: string }): Promise<void> {
    const { ip = null, userAgent = null } = currentRequest() ?? {};
    if ((await this.sessions.familiarity(user.id, { ip, userAgent })) !== 'strange') return;
    const at = `${this.clock.now().toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    await this.mail.send(NewDevice, user, { device: deviceOf(userAgent) ?? '–', at });
  }
}
