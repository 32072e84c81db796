import { Injectable } from '@nestjs/common';
import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { PinoPretty } from 'pino-pretty';

import { currentRequest } from './request-context.js';

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof LEVELS)[number];

/** What must never reach a log line, wherever it stands in the fields. Tested by planting each. */
const SECRET_FIELDS = [
  'password',
  'currentPassword',
  'newPassword',
  'token',
  'accessToken',
  'refreshToken',

  'secret',
  'secretKey',
  'authorization',
  'cookie',
  'email',
  'phone',
  'name',
  'username',
  'metadata',
  'appMetadata',
];
const REDACTED = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`, `*.*.*.${field}`]);

export interface LoggerOptions {
  readonly level: Level;
  readonly pretty: boolean;
  readonly destination?: DestinationStream;
}

/**
 * The process's logs: one JSON object a line on stdout, or pretty ones on a terminal.
 * Every part has a logger of its own name, whose level can be changed while the process runs (/ops/loggers).
 */
@Injectable()
export class Logs {
  private readonly root: PinoLogger;
  private readonly parts = new Map<string, PinoLogger>();

  constructor(options: LoggerOptions) {
    const settings = {
      level: options.level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
      redact: { paths: REDACTED, censor: '[redacted]' },
      serializers: { err: describeError },
      mixin: () => {
        const requestId = currentRequest()?.requestId;
        return requestId ? { requestId } : {};
      },
    };
    const stream =
      options.destination ??
      (options.pretty ? PinoPretty({ colorize: true, ignore: 'pid' }) : pino.destination({ dest: 1, sync: false }));
    this.root = pino(settings, stream);
  }

  of(part: string): PinoLogger {
    const known = this.parts.get(part);
    if (known) return known;
    const logger = this.root.child({ part });
    this.parts.set(part, logger);
    return logger;
  }

  levels(): Record<string, Level> {
    return Object.fromEntries([...this.parts].map(([part, logger]) => [part, logger.level as Level]));
  }

  /** @returns false when there is no logger of that name */
  setLevel(part: string, level: Level): boolean {
    const logger = this.parts.get(part);
    if (!logger) return false;
    logger.level = level;
    return true;
  }

  flush(): void {
    this.root.flush();
  }
}

/** What is kept of an error: its name, message, stack and causes; a database error's values stay out. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, severity, constraint, routine } = error as Error & Record<string, unknown>;
  const cause = error.cause === undefined ? undefined : describeError(error.cause);
  return { type: error.name, message: error.message, stack: error.stack, code, severity, constraint, routine, cause };
}

/** Nest's own messages, in our logs. */
export class NestLogs implements LoggerService {
  constructor(private readonly logs: Logs) {}

  log(message: unknown, context?: string): void {
    // Nest tells every route and module that it maps: of use only to somebody who debugs the start.
    this.logs.of('nest').debug({ context }, String(message));
  }

  error(message: unknown, stack?: string, context?: string): void {
    this.logs.of('nest').error({ context, stack }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.logs.of('nest').warn({ context }, String(message));
  }

  debug(message: unknown, context?: string): void {
    this.logs.of('nest').debug({ context }, String(message));
  }

  verbose(message: unknown, context?: string): void {
    this.logs.of('nest').trace({ context }, String(message));
  }
}
