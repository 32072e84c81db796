import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';

import { Facts } from '../events/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Indicators } from '../platform/telemetry/indicators.js';
import type { Finding } from '../platform/telemetry/indicators.js';
import { READER } from './audit-copy.service.js';
import { AuditSigning } from './audit-signing.service.js';

/** The log is there within a second. Milliseconds. */
const PATIENCE = 15_000;

/** Warns when the audit log is not kept, or not signed: nothing else would show it. */
@Injectable()
export class AuditWatch implements OnModuleInit {
  constructor(
    private readonly clock: Clock,
    private readonly indicators: Indicators,
    private readonly facts: Facts,
    private readonly signing: AuditSigning,
  ) {}

  onModuleInit(): void {
    this.indicators.register('audit', () => this.look());
  }

  private async look(): Promise<Finding> {
    if (this.signing.doubt !== null) return warning(`The audit log is not signed: ${this.signing.doubt}`);
    try {
      return await this.judge(await this.facts.backlogOf(READER));
    } catch (error) {
      // A database that is away is told of by its own indicator; this one takes no process out of the balancer.
      return warning(`Nobody knows how far the audit log is: ${(error as Error).message}`);
    }
  }

  private async judge({ ahead, oldestAt }: Awaited<ReturnType<Facts['backlogOf']>>): Promise<Finding> {
    if (ahead) return warning('The audit log waits for ever: the database was moved; restart or run `migrate up`');
    const lag = oldestAt ? this.clock.millis() - oldestAt.getTime() : 0;
    if (lag <= PATIENCE) return { status: 'pass' };
    const holder = await this.facts.holder();
    const behind = `The audit log is ${Math.round(lag / 1000)} s behind`;
    return warning(holder === null ? behind : `${behind}; the oldest open transaction is ${holder}`);
  }
}

function warning(output: string): Finding {
  return { status: 'warn', output };
}
