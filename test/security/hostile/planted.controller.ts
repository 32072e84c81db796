import { Body, Controller, Get, Head, Headers, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiExtension, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Database } from '../../../src/platform/database/database.js';
import { Operation } from '../../../src/platform/http/operation.js';
import { Public, Requires } from '../../../src/platform/http/policy.js';
import { ReadUsers } from '../../../src/users/users.contract.js';

const fine = { status: 200, about: 'What was asked for' };
const LIST = ['limit', 'cursor', 'sort', 'filter'].map((name) =>
  ApiQuery({ name, required: false, schema: { type: 'string' } }),
);
const example = { type: 'object', example: { name: 'Ada' } } as const;
const BODY = ApiBody({ schema: { ...example, additionalProperties: true } });

function list(target: object, name: string, descriptor: PropertyDescriptor): void {
  for (const decorate of LIST) (decorate as MethodDecorator)(target, name, descriptor);
}

/** Says that it is guarded, and is not. */
const Pretends = (): MethodDecorator => ApiExtension('x-permission', 'users:read');

/** Ten mistakes that people make, each in a route of its own. */
@ApiTags('users')
@Controller('planted')
export class PlantedFaults {
  constructor(private readonly db: Database) {}

  @Get('sort')
  @Public()
  @Operation('planted.sort', 'Puts a name from the query into SQL', fine)
  @(list as MethodDecorator)
  sort(@Query('sort') sort = 'email'): Promise<object[]> {
    return this.db.rows(`SELECT id FROM roster.users ORDER BY ${sort} LIMIT 1`);
  }

  @Get('unguarded')
  @Public()
  @Pretends()
  @Operation('planted.unguarded', 'Has lost its guard', fine)
  unguarded(): void {
    return;
  }

  @Head('bypass')
  @Public()
  head(): void {
    return;
  }

  @Get('bypass')
  @Requires(ReadUsers)
  @Operation('planted.bypass', 'Is guarded by one method and not by the other', fine)
  bypass(): void {
    return;
  }

  @Get('objects/:id')
  @Public()
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @Operation('planted.id', 'Trusts an id', fine)
  id(@Param('id') id: string): Promise<object[]> {
    return this.db.rows('SELECT id FROM roster.users WHERE id = $1', [id]);
  }

  @Post('assignment')
  @Public()
  @BODY
  @Operation('planted.assignment', 'Takes whatever members come', fine)
  assignment(@Body() body: Record<string, unknown>): void {
    void { ...body };
  }

  @Post('types')
  @Public()
  @BODY
  @Operation('planted.types', 'Validates one media type, and takes any', fine)
  types(@Req() request: FastifyRequest): void {
    void request.headers['content-type'];
  }

  @Post('stack')
  @Public()
  @BODY
  @Operation('planted.stack', 'Shows where it failed', fine)
  stack(@Body() body: object, @Res() reply: FastifyReply): void {
    const text = JSON.stringify({ error: new Error('planted').stack, of: Object.keys(body).length });
    void reply.status(400).type('application/problem+json').serializer(String).send(text);
  }

  @Post('shape')
  @Public()
  @BODY
  @Operation('planted.shape', 'Fails in a shape of its own', fine)
  shape(@Res() reply: FastifyReply): void {
    void reply.status(422).type('text/plain').serializer(String).send('no');
  }

  @Get('echo')
  @Public()
  @Operation('planted.echo', 'Writes what it was told into a header', fine)
  @(list as MethodDecorator)
  echo(@Query('filter') filter = '', @Res({ passthrough: true }) reply: FastifyReply): void {
    void reply.header('X-Filter', filter);
  }

  @Get('silence')
  @Public()
  @Operation('planted.silence', 'Forgets to answer when a header is strange', fine)
  silence(@Headers('prefer') prefer: string | undefined, @Res() reply: FastifyReply): void {
    if (prefer?.includes('wait')) reply.hijack();
    else void reply.status(200).serializer(String).send('');
  }
}
