import { Controller, Get, Header, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

import { DevOnlyGuard } from '../platform/http/dev-only.guard.js';
import { PathId } from '../platform/http/parameters.js';
import { Public } from '../platform/http/policy.js';
import { RouteNotFound } from '../platform/http/problems.js';
import { renderPage } from '../platform/pages/page.js';
import { Mail } from './mail.service.js';
import { MAIL_POLICY, OUTBOX_PAGE, OUTBOX_POLICY } from './outbox.page.js';

const SHOWN = 100;

/** The development outbox: what would have been mailed, newest first. */
@ApiExcludeController()
@UseGuards(DevOnlyGuard)
@Controller('dev/mail')
export class OutboxController {
  constructor(private readonly mail: Mail) {}

  @Get()
  @Public()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Cache-Control', 'no-store')
  @Header('Content-Security-Policy', OUTBOX_POLICY)
  async page(): Promise<string> {
    return renderPage('Development outbox', OUTBOX_PAGE({ messages: await this.messages() }));
  }

  @Get('messages')
  @Public()
  @Header('Cache-Control', 'no-store')
  async messages(): Promise<object[]> {
    const messages = await this.mail.newest(SHOWN);
    return messages.map(({ id, recipient, subject, text, html, createdAt }) => ({
      id,
      to: recipient,
      subject,
      text,
      html,
      createdAt,
    }));
  }

  /** As whoever reads the mail will see it. */
  @Get('messages/:id/html')
  @Public()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Cache-Control', 'no-store')
  @Header('Content-Security-Policy', MAIL_POLICY)
  async html(@PathId() id: string): Promise<string> {
    const message = await this.mail.find(id);
    if (!message) throw new RouteNotFound();
    return message.html;
  }
}
