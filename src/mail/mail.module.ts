import { Module } from '@nestjs/common';

import { JobsModule } from '../jobs/index.js';
import { MailRepository } from './mail.repository.js';
import { Mail } from './mail.service.js';
import { OutboxController } from './outbox.controller.js';

@Module({ imports: [JobsModule], controllers: [OutboxController], providers: [Mail, MailRepository], exports: [Mail] })
export class MailModule {}
