import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleInit } from '@nestjs/common';

import { Clock } from '../platform/clock/clock.js';
import { Indicators } from '../platform/telemetry/indicators.js';
import type { Finding } from '../platform/telemetry/indicators.js';
import { Lifecycle } from '../platform/telemetry/lifecycle.js';
import { DatabaseLook } from './database-look.js';

/** A probe is answered within this, whatever it asks about. Milliseconds. */
const PATIENCE = 1000;

type Status = Finding['status'];

interface Check extends Finding {
  readonly time: string;
}

/** What a probe says (draft-inadarei-api-health-check): each name has one check. */
export interface HealthReport {
  readonly status: Status;
  readonly checks?: Readonly<Record<string, readonly [Check]>>;
}

const PASS: Finding = { status: 'pass' };
const STOPPING: Finding = { status: 'fail', output: 'The process is stopping' };
const STARTING: Finding = { status: 'fail', output: 'The process is still starting' };

@Injectable()
export class Health implements OnModuleInit, OnApplicationBootstrap {
  private complete = false;
  private started = false;

  constructor(
    private readonly indicators: Indicators,
    private readonly lifecycle: Lifecycle,
    private readonly database: DatabaseLook,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.indicators.register('database', () => this.answers());
    this.indicators.register('migrations', () => this.migrated());
  }

  onApplicationBootstrap(): void {
    this.complete = true;
  }

  /** Whether the process is alive; touches nothing, for what it would touch may be dead without it. */
  live(): HealthReport {
    return PASS;
  }

  /** Whether requests should be sent here now. */
  async ready(): Promise<HealthReport> {
    // Not even looked at: a process that stops has to say so at once.
    if (this.lifecycle.stopping) return this.report({ process: STOPPING });
    if (!this.complete) return this.report({ process: STARTING });
    return this.report({ process: PASS, ...(await this.indicators.ask(PATIENCE)) });
  }

  /** Whether the start is over: it is once the process was ready, and stays so. */
  async startup(): Promise<HealthReport> {
    if (!this.started) {
      const report = await this.ready();
      if (report.status === 'fail') return report;
      this.started = true;
    }
    return this.report({ startup: PASS });
  }

  /** All of it together. */
  async whole(): Promise<HealthReport> {
    const { status, checks } = await this.ready();
    this.started ||= status !== 'fail';
    const startup = this.finding(this.started ? PASS : STARTING);
    return { status, checks: { startup: [startup], ...checks } };
  }

  private async answers(): Promise<Finding> {
    const { milliseconds } = await this.database.sight();
    return { status: 'pass', observedValue: Math.round(milliseconds * 100) / 100, observedUnit: 'ms' };
  }

  private async migrated(): Promise<Finding> {
    const missing = (await this.database.sight()).migrations.filter(({ ran }) => !ran).map(({ name }) => name);
    return missing.length === 0 ? PASS : { status: 'fail', output: `Not run yet: ${missing.join(', ')}` };
  }

  private report(findings: Record<string, Finding>): HealthReport {
    const checks = Object.entries(findings).map(([name, finding]) => [name, [this.finding(finding)]]);
    return { status: worst(Object.values(findings)), checks: Object.fromEntries(checks) };
  }

  private finding(finding: Finding): Check {
    return { ...finding, time: this.clock.now().toISOString() };
  }
}

function worst(findings: readonly Finding[]): Status {
  const has = (status: Status): boolean => findings.some((finding) => finding.status === status);
  return has('fail') ? 'fail' : has('warn') ? 'warn' : 'pass';
}
