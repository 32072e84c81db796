import { Controller, Get, Param } from '@nestjs/common';
import { ApiParam, ApiProperty, ApiSchema, ApiTags } from '@nestjs/swagger';

import { problems } from '../contract/problem.js';
import type { ProblemDefinition } from '../contract/problem.js';
import { ApiProblems, Operation } from './operation.js';
import { Public } from './policy.js';
import { RouteNotFound } from './problems.js';
import { PublicUrl } from './public-url.js';

@ApiSchema({ name: 'ProblemExplanation' })
class ProblemExplanationResponse {
  @ApiProperty({
    type: String,
    format: 'uri',
    description: 'The `type` of the problem',
    example: 'https://id.example.com/problems/email_taken',
  })
  type!: string;

  @ApiProperty({ type: String, description: 'The `code` of the problem', example: 'email_taken', maxLength: 100 })
  code!: string;

  @ApiProperty({ type: 'integer', description: 'The status of the answer', example: 409, minimum: 400, maximum: 599 })
  status!: number;

  @ApiProperty({
    type: String,
    description: 'What it is',
    example: 'This e-mail address is already in use',
    maxLength: 200,
  })
  title!: string;

  @ApiProperty({
    type: String,
    description: 'Why it happens',
    example: 'Another user has this address.',
    maxLength: 2000,
  })
  cause!: string;

  @ApiProperty({ type: String, description: 'What you can do', example: 'Use another address.', maxLength: 2000 })
  mend!: string;
}

@ApiSchema({ name: 'ProblemList' })
class ProblemListResponse {
  @ApiProperty({ type: ProblemExplanationResponse, isArray: true, description: 'Every problem, by code' })
  data!: ProblemExplanationResponse[];
}

/** What the `type` of each problem points to. */
@ApiTags('problems')
@Controller('problems')
export class ProblemsController {
  constructor(private readonly publicUrl: PublicUrl) {}

  @Get()
  @Public()
  @Operation('problems.list', 'Every problem, explained', {
    status: 200,
    about: 'All problems',
    type: ProblemListResponse,
  })
  list(): ProblemListResponse {
    return {
      data: [...problems.values()].sort((a, b) => (a.code < b.code ? -1 : 1)).map((problem) => this.explain(problem)),
    };
  }

  @Get(':code')
  @Public()
  @ApiProblems(RouteNotFound)
  @ApiParam({
    name: 'code',
    description: 'The `code` of a problem',
    schema: { type: 'string', maxLength: 100, pattern: '^[a-z_]+$', example: 'email_taken' },
  })
  @Operation('problems.get', 'One problem, explained', {
    status: 200,
    about: 'Cause and mend',
    type: ProblemExplanationResponse,
  })
  get(@Param('code') code: string): ProblemExplanationResponse {
    const problem = problems.get(code);
    if (!problem) throw new RouteNotFound('There is no problem of this code');
    return this.explain(problem);
  }

  private explain({ code, status, title, cause, mend }: ProblemDefinition): ProblemExplanationResponse {
    return { type: `${this.publicUrl.value}/problems/${code}`, code, status, title, cause, mend };
  }
}
