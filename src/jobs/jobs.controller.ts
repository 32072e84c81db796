import { Controller, Get, Post, Put, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { onlyFields, parseFields } from '../platform/http/lists/fields.js';
import { listing } from '../platform/http/lists/listing.js';
import { ApiList, List } from '../platform/http/lists/list-query.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch, PathId } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { Requires } from '../platform/http/policy.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { StreamOperation, openStream } from '../platform/http/sse.js';
import { JobNotCancellable, JobNotFound, JobNotRetriable, ReadJobs, WriteJobs } from './jobs.contract.js';
import { JOB_FIELDS, JobPageResponse, JobResponse } from './jobs.dto.js';
import { JOB_FILTERS, JOB_SORTS, JobsList } from './jobs.list.js';
import { Jobs } from './jobs.service.js';
import { JobsWatch } from './jobs-watch.service.js';

@ApiTags('jobs')
@Controller('api/v1/jobs')
export class JobsController {
  constructor(
    private readonly jobs: Jobs,
    private readonly lists: JobsList,
    private readonly watch: JobsWatch,
  ) {}

  @Get()
  @Requires(ReadJobs)
  @ApiList({
    sortable: Object.keys(JOB_SORTS),
    filterable: JOB_FILTERS,
    filterExample: 'state eq "dead" and name sw "mail."',
    fieldsExample: 'id,name,state,lastError',
  })
  @ApiProblems(FilterTooCostly)
  @Operation(
    'jobs.list',
    'List background jobs',
    { status: 200, about: 'A page of jobs', type: JobPageResponse },
    'Those that wait, run, failed or are dead, and those that ended as long ago as `JOBS_RETENTION` at most.',
  )
  async list(@List() query: ListQuery): Promise<JobPageResponse> {
    const fields = parseFields(query.fields, JOB_FIELDS);
    return listing(
      query,
      (page) => this.lists.page(page),
      (job) => onlyFields(JobResponse.from(job), fields),
    );
  }

  @Get(':id')
  @Requires(ReadJobs)
  @ApiProblems(JobNotFound)
  @Operation('jobs.get', 'Read a background job', {
    status: 200,
    about: 'The job, and how far it is',
    type: JobResponse,
  })
  async get(@PathId() id: string): Promise<JobResponse> {
    return JobResponse.from(await this.jobs.get(id));
  }

  @Get(':id/stream')
  @Requires(ReadJobs)
  @ApiProblems(JobNotFound)
  @StreamOperation(
    'jobs.stream',
    'Watch a background job',
    { about: 'The job at once, and after each change of it', example: 'event: job\ndata: {"state":"running"}\n\n' },
    'Each event is named `job`, and its data is the job as `GET /api/v1/jobs/{id}` answers it, at most twice a second. It ends with the job.',
  )
  async stream(@PathId() id: string, @Res() reply: FastifyReply): Promise<void> {
    const job = await this.jobs.get(id);
    const stream = openStream(reply);
    void this.watch
      .follow(job, (now) => stream.send({ event: 'job', data: JobResponse.from(now) }), stream.closed)
      .then(() => stream.close());
  }

  @Put(':id/cancellation')
  @Requires(WriteJobs)
  @ApiProblems(JobNotFound, JobNotCancellable)
  @Operation(
    'jobs.cancel',
    'Cancel a background job',
    { status: 200, about: 'The job, as it is now', type: JobResponse },
    'One that waits is cancelled at once. One that runs is asked to stop: what it has done already stays, and if it cannot stop any more it succeeds.',
  )
  async cancel(@PathId() id: string, @IfMatch() expected: Versions): Promise<JobResponse> {
    return JobResponse.from(await this.jobs.cancel(id, expected));
  }

  @Post(':id/retry')
  @Requires(WriteJobs)
  @ApiProblems(JobNotFound, JobNotRetriable)
  @Operation(
    'jobs.retry',
    'Try a background job again',
    { status: 200, about: 'The job, as it is now', type: JobResponse },
    'One that failed is not waited for any longer; one that is dead, or was cancelled, has all its attempts once more.',
  )
  async retry(@PathId() id: string): Promise<JobResponse> {
    return JobResponse.from(await this.jobs.retry(id));
  }
}
