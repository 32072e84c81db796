import { Module } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';

import { EventsModule } from '../events/index.js';
import { JobsModule } from '../jobs/index.js';
import { Config } from '../platform/config/config.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { SessionsModule } from '../sessions/index.js';
import { ForeignPasswords } from './foreign-passwords.service.js';
import { PasswordHasher } from './password-hashing.js';
import { PasswordsRepository } from './passwords.repository.js';
import { Passwords } from './passwords.service.js';

const hasher = {
  provide: PasswordHasher,
  inject: [Config],
  useFactory: (config: Config) => new PasswordHasher({ minLength: config.values.PASSWORD_MIN_LENGTH }),
};

@Module({
  imports: [EventsModule, JobsModule, SessionsModule],
  providers: [hasher, ForeignPasswords, Passwords, PasswordsRepository],
  exports: [ForeignPasswords, Passwords],
})
export class PasswordsModule implements OnApplicationShutdown {
  constructor(
    private readonly hasher: PasswordHasher,
    metrics: Metrics,
  ) {
    metrics.gauge('password_hash_queue_size', 'Passwords that wait to be hashed or judged', () => hasher.queueSize);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.hasher.close();
  }
}
