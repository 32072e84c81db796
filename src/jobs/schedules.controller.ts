import { Controller, Get, Param, Post } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';

import { ApiProblems, MadeUnder, Operation } from '../platform/http/operation.js';
import { Requires } from '../platform/http/policy.js';
import { ReadJobs, ScheduleNotFound, WriteJobs } from './jobs.contract.js';
import { JobResponse, JobScheduleResponse, JobSchedulesResponse } from './jobs.dto.js';
import { Jobs } from './jobs.service.js';
import { Schedules } from './schedules.service.js';

@ApiTags('jobs')
@Controller('api/v1/jobs/schedules')
export class SchedulesController {
  constructor(
    private readonly jobs: Jobs,
    private readonly schedules: Schedules,
  ) {}

  @Get()
  @Requires(ReadJobs)
  @Operation(
    'jobs.schedules',
    'List what is done by the clock',
    { status: 200, about: 'Every schedule', type: JobSchedulesResponse },
    'Each is due once over all processes. A run that is due while the one before still waits is left out.',
  )
  async list(): Promise<JobSchedulesResponse> {
    const schedules = await this.jobs.schedules();
    return { data: schedules.map((each) => JobScheduleResponse.from(each, this.schedules.nextOf(each.cron))) };
  }

  @Post(':name/runs')
  @Requires(WriteJobs)
  @MadeUnder('/api/v1/jobs')
  @ApiProblems(ScheduleNotFound)
  @ApiParam({
    name: 'name',
    description: 'The `name` of a schedule',
    schema: { type: 'string', maxLength: 128, example: 'partitions.maintain' },
  })
  @Operation('jobs.run', 'Run a schedule now', { status: 201, about: 'The job', type: JobResponse })
  async run(@Param('name') name: string): Promise<JobResponse> {
    return JobResponse.from(await this.jobs.runNow(name));
  }
}
