import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { PageResponse } from '../platform/http/lists/list-query.js';
import { Flag, Id, JsonObject, ListOf, Moment, Nested, OneOf, Text, Whole } from '../platform/http/properties.js';
import { JOB_STATES } from './job.js';
import type { JobState } from './job.js';
import type { JobRow } from './jobs.repository.js';
import type { Schedule } from './jobs.service.js';

const ID = '01a1fb89-a690-7530-90c7-ac334b01292e';
const AT = '2026-11-21T10:00:00.000Z';
const NAME = 'users.import';

const Name = (about: string): PropertyDecorator => Text({ about, example: NAME, max: 128 });
const Word = (about: string, example: string | null, max = 512): PropertyDecorator =>
  Text({ about, example, max, nullable: true });
const State = (about: string): PropertyDecorator => OneOf(JOB_STATES, 'JobState', { about, example: 'running' });
const When = (about: string): PropertyDecorator => Moment({ about, example: AT });
const Perhaps = (about: string, example: string | null = AT): PropertyDecorator =>
  Moment({ about, example, nullable: true });
const Free = (about: string, example: object): PropertyDecorator =>
  JsonObject({ about, example, maxBytes: 1_048_576, nullable: true });
const Many = (about: string, example: number | null, nullable = false): PropertyDecorator =>
  Whole({ about, example, min: 0, max: Number.MAX_SAFE_INTEGER, nullable });

@ApiSchema({ name: 'JobProgress' })
export class JobProgressResponse {
  @Many('What is done', 1200) done!: number;
  @Many('Of how much, where that is known', 5000, true) total!: number | null;
}

@ApiSchema({ name: 'Job' })
export class JobResponse {
  @Id({ about: 'The id (UUIDv7)', example: ID }) id!: string;
  @Name('What is done') name!: string;
  @State('`failed` is tried again at `runAt`; `dead` is not, unless somebody asks for it') state!: JobState;
  @Word('Jobs of one queue run one at a time, in the order of `runAt`', null, 128) queue!: string | null;
  @Word('Of the jobs with this name and key one waits at most', null) key!: string | null;
  @Flag({ about: 'What it is about is shown to nobody', example: false }) isSecret!: boolean;
  @Free('What it is about; null if that is secret', { importId: ID }) payload!: object | null;
  @Many('How often it was tried; tries that the end of a process cut off do not count', 1) attempts!: number;
  @Many('How often it is tried before it is dead', 5) maxAttempts!: number;
  @Nested(() => JobProgressResponse, {
    about: 'How far it is, if it says so',
    example: { done: 1200, total: 5000 },
    nullable: true,
  })
  progress!: JobProgressResponse | null;
  @Free('What came of it', { created: 5000 }) result!: object | null;
  @Word('Why the last try failed', null, 1000) lastError!: string | null;
  @Id({ about: 'Who wanted it; null for nobody', example: ID, nullable: true }) actorId!: string | null;
  @Word('The process that runs it', 'pool-3f2a9c41d07be58612', 100) worker!: string | null;
  @When('Since when it is owed') createdAt!: string;
  @When('When it is due, or was') runAt!: string;
  @Perhaps('When it was begun, the last time') startedAt!: string | null;
  @Perhaps('When it was over', null) finishedAt!: string | null;
  @Perhaps('When somebody asked that it stop', null) cancelRequestedAt!: string | null;
  @Whole({ about: 'Rises with each change, progress included', example: 3, min: 1, max: 2_147_483_647 })
  version!: number;

  static from(job: JobRow): JobResponse {
    const { id, name, state, queue, key, isSecret, payload, attempts, maxAttempts, lastError, actorId, worker } = job;
    const { progressDone, progressTotal } = job;
    return {
      ...{ id, name, state, queue, key, isSecret, payload, attempts, maxAttempts, lastError, actorId, worker },
      progress:
        progressDone === null
          ? null
          : { done: Number(progressDone), total: progressTotal === null ? null : Number(progressTotal) },
      result: (job.result ?? null) as object | null,
      createdAt: job.createdAt.toISOString(),
      runAt: job.runAt.toISOString(),
      startedAt: job.startedAt?.toISOString() ?? null,
      finishedAt: job.finishedAt?.toISOString() ?? null,
      cancelRequestedAt: job.cancelRequestedAt?.toISOString() ?? null,
      version: job.version,
    };
  }
}

export const JOB_FIELDS: readonly string[] = [
  ...['id', 'name', 'state', 'queue', 'key', 'isSecret', 'payload', 'attempts', 'maxAttempts', 'progress', 'result'],
  ...['lastError', 'actorId', 'worker', 'createdAt', 'runAt', 'startedAt', 'finishedAt', 'cancelRequestedAt'],
  'version',
];

@ApiSchema({ name: 'JobPage' })
export class JobPageResponse {
  @ListOf(() => JobResponse, 'The jobs of this page') data!: JobResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}

@ApiSchema({ name: 'ScheduledRun' })
export class ScheduledRunResponse {
  @Id({ about: 'The job', example: ID }) jobId!: string;
  @State('How it stands') state!: JobState;
  @When('Since when it is owed') createdAt!: string;
}

@ApiSchema({ name: 'JobSchedule' })
export class JobScheduleResponse {
  @Name('What is done') name!: string;
  @Text({ about: 'When: minute, hour, day, month and weekday, in UTC', example: '17 3 * * *', max: 100 }) cron!: string;
  @When('When it is due next') nextRunAt!: string;
  @Nested(() => ScheduledRunResponse, {
    about: 'Its last run, as long as jobs are kept',
    example: { jobId: ID, state: 'succeeded', createdAt: AT },
    nullable: true,
  })
  lastRun!: ScheduledRunResponse | null;

  /** @param nextRunAt when it is due next */
  static from({ name, cron, last }: Schedule, nextRunAt: Date): JobScheduleResponse {
    const lastRun = last && { jobId: last.id, state: last.state, createdAt: last.createdAt.toISOString() };
    return { name, cron, nextRunAt: nextRunAt.toISOString(), lastRun };
  }
}

@ApiSchema({ name: 'JobSchedules' })
export class JobSchedulesResponse {
  @ListOf(() => JobScheduleResponse, 'All of them, by name') data!: JobScheduleResponse[];
}
