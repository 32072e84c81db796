import { Module } from '@nestjs/common';

import { KeysController } from './keys.controller.js';
import { KeysRepository } from './keys.repository.js';
import { Keys } from './keys.service.js';

@Module({ controllers: [KeysController], providers: [Keys, KeysRepository], exports: [Keys] })
export class KeysModule {}
