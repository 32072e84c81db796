import { Module } from '@nestjs/common';

import { EventsModule } from '../events/index.js';
import { AccessRepository } from './access.repository.js';
import { Access } from './access.service.js';
import { Denials } from './denials.js';

@Module({ imports: [EventsModule], providers: [Access, AccessRepository, Denials], exports: [Access, Denials] })
export class AccessModule {}
