import { Module } from '@nestjs/common';

import { JobsModule } from '../jobs/index.js';
import { MailRepository } from './mail.repository.js';
import { Mail } from './mail.service.js';
import { OutboxController } from './outbox.controller.js';
import { Postman } from './postman.js';
import { SmtpClient } from './smtp-client.js';

@Module({
  imports: [JobsModule],
  controllers: [OutboxController],
  providers: [Mail, MailRepository, Postman, SmtpClient],
  exports: [Mail],
})
export class MailModule {}
