import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiParam, ApiProperty, ApiSchema, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { problems } from '../contract/problem.js';
import type { ProblemDefinition } from '../contract/problem.js';
import { ApiProblems, Operation } from '../http/operation.js';
import { Public } from '../http/policy.js';
import { exampleOfProblem } from '../http/problem-examples.js';
import { ProblemResponse } from '../http/problem.response.js';
import { RouteNotFound } from '../http/problems.js';
import { PublicUrl } from '../http/public-url.js';
import { AlsoPage, answerPage, prefersPage } from './also-page.js';
import { noProblemPage, problemPage, problemsPage } from './problems.page.js';

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

  @ApiProperty({ type: ProblemResponse, description: 'What it looks like' })
  example!: ProblemResponse;
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
  @AlsoPage('200')
  @Operation('problems.list', 'Every problem, explained', {
    status: 200,
    about: 'All problems',
    type: ProblemListResponse,
  })
  list(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): ProblemListResponse | string {
    const data = this.all();
    return prefersPage(request) ? answerPage(reply, problemsPage(data)) : { data };
  }

  @Get(':code')
  @Public()
  @AlsoPage('200', '404')
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
  get(
    @Param('code') code: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): ProblemExplanationResponse | string {
    const definition = problems.get(code);
    const page = prefersPage(request);
    if (!definition && page) return answerPage(reply.code(404), noProblemPage(code));
    if (!definition) throw new RouteNotFound('There is no problem of this code');
    const problem = this.explain(definition);
    return page ? answerPage(reply, problemPage(problem, this.all())) : problem;
  }

  private all(): ProblemExplanationResponse[] {
    return [...problems.values()].sort((a, b) => (a.code < b.code ? -1 : 1)).map((problem) => this.explain(problem));
  }

  private explain(definition: ProblemDefinition): ProblemExplanationResponse {
    const { code, status, title, cause, mend } = definition;
    const base = this.publicUrl.value;
    const example = exampleOfProblem(definition, { instance: '/api/v1/users', base });
    return { type: `${base}/problems/${code}`, code, status, title, cause, mend, example: example as ProblemResponse };
  }
}
