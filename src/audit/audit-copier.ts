import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';

import { Facts } from '../events/index.js';
import { Config } from '../platform/config/config.js';
import { newId } from '../platform/crypto/tokens.js';
import { Logs } from '../platform/logging/logger.js';
import { runInRequest } from '../platform/logging/request-context.js';
import { AuditCopy } from './audit-copy.service.js';
import { COPIED_AT_ONCE } from './signing-rules.js';

/** Milliseconds: between two looks, and for which facts are gathered after the first of them. */
const LOOKS_EVERY = 500;
const GATHERS_FOR = 50;
/** What one batch may take before its statements are cut. Milliseconds. */
const BUDGET = 5000;

/** Keeps the audit log up to date, unless ROLE=api. A database that goes away only delays it. */
@Injectable()
export class AuditCopier implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private soon: NodeJS.Timeout | undefined;
  private copying: Promise<void> | null = null;
  private stopped = false;
  private failing = false;
  private readonly log;

  constructor(
    private readonly config: Config,
    private readonly facts: Facts,
    private readonly copy: AuditCopy,
    logs: Logs,
  ) {
    this.log = logs.of('audit');
  }

  onApplicationBootstrap(): void {
    if (this.config.values.ROLE === 'api') return;
    this.facts.onRecorded(() => this.wake());
    this.timer = setInterval(() => this.look(), LOOKS_EVERY).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    clearTimeout(this.soon);
    await this.copying;
  }

  /** Facts come in swarms: the first of them waits a little for the others. */
  private wake(): void {
    if (this.stopped) return;
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      // What comes while it copies may be too late for this batch, and asks again.
      if (this.copying) this.wake();
      else this.look();
    }, GATHERS_FOR).unref();
  }

  private look(): void {
    if (this.stopped || this.copying) return;
    this.copying = this.copyAll().finally(() => (this.copying = null));
  }

  private async copyAll(): Promise<void> {
    try {
      while (!this.stopped && (await this.copyBatch()) === COPIED_AT_ONCE);
      if (this.failing) this.log.info({}, 'The audit log is kept again');
      this.failing = false;
    } catch (error) {
      // Told once: it tries again twice a second, and nothing is lost meanwhile.
      if (!this.failing) this.log.warn({ err: error }, 'The audit log waits for the database');
      this.failing = true;
    }
  }

  /** Not in the name of the request that woke it: that one may be over any moment. */
  private copyBatch(): Promise<number> {
    const nobody = { ip: null, userAgent: null, actorId: null };
    const context = { ...nobody, requestId: `audit-${newId()}`, deadline: performance.now() + BUDGET };
    return runInRequest(context, () => this.copy.copyBatch());
  }
}
