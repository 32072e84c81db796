import { Module } from '@nestjs/common';

import { AccessRepository } from './access.repository.js';
import { Access } from './access.service.js';

@Module({ providers: [Access, AccessRepository], exports: [Access] })
export class AccessModule {}
