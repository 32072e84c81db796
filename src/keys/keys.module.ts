import { Module } from '@nestjs/common';

import { EventsModule } from '../events/index.js';
import { KeysController } from './keys.controller.js';
import { KeysRepository } from './keys.repository.js';
import { Keys } from './keys.service.js';

@Module({ imports: [EventsModule], controllers: [KeysController], providers: [Keys, KeysRepository], exports: [Keys] })
export class KeysModule {}
