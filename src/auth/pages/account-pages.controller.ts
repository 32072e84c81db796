import { Controller, Get, Header, Headers, Param } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

import { Public } from '../../platform/http/policy.js';
import { RouteNotFound } from '../../platform/http/problems.js';
import { SCRIPTED_PAGE_POLICY, renderPage } from '../../platform/pages/page.js';
import { ACCOUNT_PAGES } from '../accounts/account-links.js';
import { ACCOUNT_SCRIPT, accountPage } from './account.page.js';

const SCRIPT = '/account/account.mjs';

/** Where the links of mails lead. To open one does nothing: whoever is meant presses its button. */
@ApiExcludeController()
@Controller('account')
export class AccountPagesController {
  @Get('account.mjs')
  @Public()
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Header('Cache-Control', 'no-cache')
  script(): string {
    return ACCOUNT_SCRIPT;
  }

  @Get(':page')
  @Public()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Cache-Control', 'no-cache')
  @Header('Vary', 'Accept-Language')
  @Header('Referrer-Policy', 'no-referrer')
  @Header('Content-Security-Policy', SCRIPTED_PAGE_POLICY)
  page(@Param('page') name: string, @Headers('accept-language') languages: string = ''): string {
    const page = ACCOUNT_PAGES.find((known) => known === name);
    if (!page) throw new RouteNotFound();
    // The first that we speak; whoever names none of them reads English.
    const language = /\b(de|en)\b/i.exec(languages)?.[1]?.toLowerCase() === 'de' ? 'de' : 'en';
    const { title, content } = accountPage(page, language);
    return renderPage(title, content, { script: SCRIPT, language });
  }
}
