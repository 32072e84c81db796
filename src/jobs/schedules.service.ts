import { hash } from 'node:crypto';

import { Injectable } from '@nestjs/common';
import { parseCronItems } from 'graphile-worker';
import type { ParsedCronItem } from 'graphile-worker';

import { JobsRepository } from './jobs.repository.js';
import { Jobs } from './jobs.service.js';

/** The one task that graphile's clock gives tickets for. */
export const SCHEDULE = 'jobs.schedule';
/** Of the runs of a schedule one waits at most. */
const KEY = 'schedule';
const MINUTE = 60_000;
/** Every schedule is due within it: the 29th of February comes once in eight years at worst. Minutes. */
const FAR = 8 * 366 * 24 * 60;

export interface ScheduleTicket {
  readonly schedule: string;
  readonly _cron: { readonly ts: string };
}

/** What is due by the clock: graphile-worker strikes once over all processes, and each stroke is one job. */
@Injectable()
export class Schedules {
  constructor(
    private readonly jobs: Jobs,
    private readonly records: JobsRepository,
  ) {}

  cronItems(): ParsedCronItem[] {
    return parseCronItems(
      [...this.jobs.known()].flatMap(([schedule, { cron }]) =>
        cron ? [{ task: SCHEDULE, match: cron, identifier: schedule, payload: { schedule } }] : [],
      ),
    );
  }

  /** A stroke that is told again, because a process died on it, is the same job. */
  async fire({ schedule, _cron: { ts } }: ScheduleTicket): Promise<void> {
    const work = this.jobs.known().get(schedule);
    if (!work) return;
    await this.records.addScheduled(idOf(schedule, new Date(ts)), schedule, KEY, work.type.maxAttempts);
  }

  /** The next minute after a moment in which a schedule is due. */
  nextAfter(cron: string, moment: Date): Date {
    const [item] = parseCronItems([{ task: SCHEDULE, match: cron, identifier: SCHEDULE }]);
    let at = Math.floor(moment.getTime() / MINUTE) * MINUTE;
    for (let minutes = 0; minutes < FAR; minutes += 1) {
      at += MINUTE;
      if (item!.match(digestOf(new Date(at)))) break;
    }
    return new Date(at);
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
