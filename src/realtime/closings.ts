import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';

import type { Problem } from '../platform/contract/problem.js';
import { problemOf } from '../platform/http/problem-body.js';
import { Logs } from '../platform/logging/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import type { Connection } from './connection.js';
import { Connections } from './connections.js';

/** Every end that we decide, by its reason. */
@Injectable()
export class Closings {
  private readonly closed: Counter<'reason'>;
  private readonly log;

  constructor(
    private readonly connections: Connections,
    logs: Logs,
    metrics: Metrics,
  ) {
    this.log = logs.of('realtime');
    this.closed = metrics.counter('realtime_closed_total', 'Sockets that were closed by us, by the reason', ['reason']);
    metrics.gauge('realtime_sockets', 'Sockets of people who proved who they are', () => connections.size);
  }

  /** Says why. What is only not possible now is worth another try. */
  close(connection: Connection, problem: Problem): void {
    if (connection.isEnded) return;
    this.note(connection, problem);
    connection.close(problem, problem.definition.status === 503);
  }

  /** Nobody could say any more who it is, or it is nobody who may be here. */
  closeBy(connection: Connection, error: unknown): void {
    const problem = problemOf(error);
    if (problem.definition.status >= 500) this.log.warn({ err: error }, 'Nobody could say who this is any more');
    this.close(connection, problem);
  }

  /** Without a word, which nobody would read. */
  drop(connection: Connection, problem: Problem): void {
    if (connection.isEnded) return;
    this.note(connection, problem);
    connection.drop(problem);
  }

  everybody(problem: Problem): void {
    for (const connection of [...this.connections]) this.close(connection, problem);
  }

  private note({ principal }: Connection, { definition }: Problem): void {
    this.closed.inc({ reason: definition.code });
    this.log.debug({ userId: principal.userId, reason: definition.code }, 'A socket was closed');
  }
}
