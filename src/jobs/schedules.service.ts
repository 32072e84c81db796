import { hash } from 'node:crypto';

import { Injectable } from '@nestjs/common';
import { parseCronItems } from 'graphile-worker';
import type { ParsedCronItem } from 'graphile-worker';

import { Clock } from '../platform/clock/clock.js';
import { JobsRepository } from './jobs.repository.js';
import { Jobs } from './jobs.service.js';

/** The one task that graphile's clock gives tickets for. */
export const SCHEDULE = 'jobs.schedule';
/** Of the runs of a schedule one waits at most. */
const KEY = 'schedule';
const MINUTE = 60_000;
/** A stroke that nobody was there for is made up within it. Milliseconds. */
const MADE_UP_WITHIN = 24 * 60 * MINUTE;
/** Strokes an hour from which on the next makes up for any that was missed. */
const OFTEN = 12;
/** Every schedule is due within it: the 29th of February comes once in eight years at worst. Minutes. */
const FAR = 8 * 366 * 24 * 60;

/** It says all that is to be known: whoever gets it may be of an older version, to which the schedule is unknown. */
export interface ScheduleTicket {
  readonly schedule: string;
  readonly maxAttempts: number;
  readonly isLong: boolean;
  readonly _cron: { readonly ts: string; readonly backfilled?: boolean };
}

/** What is due by the clock: graphile-worker strikes once over all processes, and each stroke is one job. */
@Injectable()
export class Schedules {
  constructor(
    private readonly jobs: Jobs,
    private readonly records: JobsRepository,
    private readonly clock: Clock,
  ) {}

  cronItems(): ParsedCronItem[] {
    return parseCronItems(
      [...this.jobs.known()].flatMap(
        ([
          schedule,
          {
            cron,
            type: { maxAttempts, isLong },
          },
        ]) =>
          cron
            ? [
                {
                  task: SCHEDULE,
                  match: cron,
                  identifier: schedule,
                  options: { backfillPeriod: this.isFrequent(cron) ? 0 : MADE_UP_WITHIN },
                  payload: { schedule, maxAttempts, isLong },
                },
              ]
            : [],
      ),
    );
  }

  /**
   * A stroke that is told again, because a process died on it, is the same job. Those that were missed are one: what has been
   * begun since then was done for all of them.
   */
  async fire({ schedule: name, maxAttempts, isLong, _cron: { ts, backfilled } }: ScheduleTicket): Promise<void> {
    const stroke = { id: idOf(name, new Date(ts)), name, key: KEY, maxAttempts, isLong };
    await this.records.addScheduled(stroke, backfilled ? new Date(ts) : null);
  }

  /** The next minute in which a schedule is due. */
  nextOf(cron: string): Date {
    const [item] = parseCronItems([{ task: SCHEDULE, match: cron, identifier: SCHEDULE }]);
    let at = Math.floor(this.clock.millis() / MINUTE) * MINUTE;
    for (let minutes = 0; minutes < FAR; minutes += 1) {
      at += MINUTE;
      if (item!.match(digestOf(new Date(at)))) break;
    }
    return new Date(at);
  }

  private isFrequent(cron: string): boolean {
    const [item] = parseCronItems([{ task: SCHEDULE, match: cron, identifier: SCHEDULE }]);
    const from = this.clock.millis();
    const strokes = Array.from({ length: 60 }, (_, minute) => item!.match(digestOf(new Date(from + minute * MINUTE))));
    return strokes.filter(Boolean).length >= OFTEN;
  }
}

function digestOf(at: Date): Parameters<ParsedCronItem['match']>[0] {
  return {
    min: at.getUTCMinutes(),
    hour: at.getUTCHours(),
    date: at.getUTCDate(),
    month: at.getUTCMonth() + 1,
    dow: at.getUTCDay(),
  };
}

/** A UUIDv7 (RFC 9562, 5.7) whose chance is the schedule's name. */
function idOf(schedule: string, at: Date): string {
  const bytes = hash('sha256', `${schedule}\n${at.toISOString()}`, 'buffer').subarray(0, 16);
  bytes.writeUIntBE(at.getTime(), 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
