import { Injectable } from '@nestjs/common';

import { Config } from '../../platform/config/config.js';
import { PublicUrl } from '../../platform/http/public-url.js';

export const ACCOUNT_PAGES = [
  'verify-email',
  'revert-email',
  'reset-password',
  'sign-in',
  'accept-invitation',
] as const;
export type AccountPage = (typeof ACCOUNT_PAGES)[number];

/** The links of mails. */
@Injectable()
export class AccountLinks {
  constructor(
    private readonly config: Config,
    private readonly publicUrl: PublicUrl,
  ) {}

  /** The token stands after the "#": no server is sent it by a click, so no log and no Referer holds it (S29). */
  to(page: AccountPage, token: string): string {
    const base = this.config.values.ACCOUNT_URL || `${this.publicUrl.value}/account`;
    return `${base.replace(/\/+$/, '')}/${page}#token=${token}`;
  }
}
