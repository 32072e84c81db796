import { Body, Controller, Get, Post, Res } from '@nestjs/common';
import { ApiSchema } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { defineProblem } from '../../src/platform/contract/problem.js';
import { ApiProblems, Operation } from '../../src/platform/http/operation.js';
import { Public } from '../../src/platform/http/policy.js';
import { listing } from '../../src/platform/http/lists/listing.js';
import { ApiList, List, PageResponse } from '../../src/platform/http/lists/list-query.js';
import type { ListQuery } from '../../src/platform/http/lists/list-query.js';
import { ListOf, Nested, Text } from '../../src/platform/http/properties.js';
import type { TestApp } from '../harness/app.js';
import { startWith } from './planted.js';

const SECRET = 'argon2id$planted';
const secret = { secret: SECRET };

class TestRefused extends defineProblem('test_refused', 409, 'No', { cause: 'A test.', mend: 'None.' }) {}

@ApiSchema({ name: 'TestInner' })
class Inner {
  @Text({ about: 'Inside', example: 'inner', max: 10 }) name!: string;
}

@ApiSchema({ name: 'TestShown' })
class Shown {
  @Text({ about: 'Outside', example: 'outer', max: 10 }) name!: string;
  @Nested(() => Inner, { about: 'One more', example: { name: 'inner' } }) inner!: Inner;
}

@ApiSchema({ name: 'TestShownPage' })
class ShownPage {
  @ListOf(() => Shown, 'Rows') data!: Shown[];
  @Nested(() => PageResponse, { about: 'The page', example: null }) page!: PageResponse;
}

const good = { name: 'outer', inner: { name: 'inner' } };
const leaky = { ...good, ...secret, inner: { ...good.inner, ...secret } };
const answers = (operationId: string, status = 200): MethodDecorator =>
  Operation(operationId, 'A test', { status, about: 'A test', type: Shown });

@Controller('planted')
class Planted {
  @Get('leaky')
  @Public()
  @answers('test.leaky')
  leaky(): Shown {
    return leaky;
  }

  @Post('leaky')
  @Public()
  @answers('test.accept', 202)
  accept(@Body() _: object): Shown {
    return leaky;
  }

  @Get('rows')
  @Public()
  @ApiList({ sortable: ['id'], filterable: ['id'], filterExample: 'id pr' })
  @Operation('test.rows', 'A test', { status: 200, about: 'A test', type: ShownPage })
  rows(@List() query: ListQuery): Promise<ShownPage> {
    const page = { limit: 20, nextCursor: null, prevCursor: null };
    return listing(
      query,
      () => Promise.resolve({ rows: [leaky, leaky], page }),
      (row) => row,
    );
  }

  @Get('refused')
  @Public()
  @ApiProblems(TestRefused)
  @answers('test.refuse')
  refuse(): Shown {
    const fault = { pointer: '/name', code: 'wrong', detail: 'is wrong', ...secret };
    throw Object.assign(new TestRefused('No', [fault]), secret);
  }

  @Get('incomplete')
  @Public()
  @answers('test.incomplete')
  incomplete(): Shown {
    return { ...secret, inner: { name: 'inner' } } as unknown as Shown;
  }

  @Get('failing')
  @Public()
  @answers('test.failing')
  failing(): Shown {
    throw new Error(`SELECT ${SECRET} FROM roster.users`);
  }

  @Get('status')
  @Public()
  @answers('test.status')
  status(@Res({ passthrough: true }) reply: FastifyReply): Shown {
    void reply.code(206);
    return leaky;
  }

  @Get('refusing-status')
  @Public()
  @answers('test.refusingStatus')
  refusingStatus(@Res({ passthrough: true }) reply: FastifyReply): Shown {
    void reply.code(409);
    return leaky;
  }

  @Get('empty')
  @Public()
  @answers('test.empty')
  empty(@Res({ passthrough: true }) reply: FastifyReply): void {
    void reply.code(204);
  }

  @Get('text')
  @Public()
  @answers('test.text')
  text(): string {
    return SECRET;
  }

  @Get('page')
  @Public()
  @answers('test.page')
  page(@Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.type('text/html');
    return `<p>${SECRET}</p>`;
  }

  @Get('json')
  @Public()
  @answers('test.json')
  json(@Res() reply: FastifyReply): void {
    void reply.type('application/json').send(JSON.stringify(leaky));
  }

  @Get('bytes')
  @Public()
  @answers('test.bytes')
  bytes(@Res() reply: FastifyReply): void {
    void reply.send(Buffer.from(SECRET));
  }
}

describe('what the document does not name', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startWith(Planted);
  });
  afterAll(() => app.stop());

  it.each(['application/xml', 'text/csv', 'application/x-ndjson'])('cannot leave as %s', async (accept) => {
    const answer = await app.send('GET', '/planted/rows?fields=name', { headers: { accept } });
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': `${accept}; charset=utf-8` } });
    expect(answer.text).toContain('outer');
    expect(answer.text).not.toContain('planted');
    expect(answer.text).not.toContain('secret');
  });

  it('cannot leave as XML where there is no list either', async () => {
    const answer = await app.send('GET', '/planted/leaky', { headers: { accept: 'application/xml' } });
    expect(answer.text).toContain('<testShown');
    expect(answer.text).not.toContain('secret');
  });

  it.each([
    ['GET', '/planted/leaky', 200, good],
    ['POST', '/planted/leaky', 202, good],
  ])('cannot leave in %s %s', async (method, url, status, shown) => {
    const answer = await app.send(method, url, method === 'POST' ? { body: {} } : {});
    expect(answer).toMatchObject({ status, body: shown });
    expect(answer.text).not.toContain('secret');
  });

  it('cannot leave in a 4xx', async () => {
    const answer = await app.send<Record<string, unknown>>('GET', '/planted/refused');
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({
      code: 'test_refused',
      errors: [{ pointer: '/name', code: 'wrong', detail: 'is wrong' }],
    });
    expect(answer.text).not.toContain('secret');
  });

  it.each([
    ['a status', 'status'],
    ['a status of refusal', 'refusing-status'],
    ['a status without a body', 'empty'],
    ['plain text', 'text'],
    ['a page', 'page'],
    ['JSON that was written by hand', 'json'],
    ['bytes', 'bytes'],
    ['an answer that lacks a member', 'incomplete'],
    ['an answer that lacks a member, whatever fields are asked for', 'incomplete?fields=name'],
    ['an error', 'failing'],
  ])('becomes a 500 that explains nothing: %s', async (_, path) => {
    const answer = await app.send<Record<string, unknown>>('GET', `/planted/${path}`);
    expect(answer.status).toBe(500);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(Object.keys(answer.body).sort()).toEqual(['code', 'instance', 'requestId', 'status', 'title', 'type']);
    expect(answer.body).toMatchObject({
      code: 'internal_error',
      status: 500,
      requestId: answer.headers['x-request-id'],
    });
    expect(answer.text).not.toMatch(/planted\$|argon|SELECT|required|document/);
  });
});

describe('an answer to fields=', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startWith();
  });
  afterAll(() => app.stop());

  it('has these members and the id, and its page as ever', async () => {
    const ada = await app.people.admin();
    const filter = encodeURIComponent(`email eq "${ada.user.email}"`);
    const list = await ada.get<{ data: object[]; page: object }>(`/api/v1/users?filter=${filter}&fields=email`);
    expect(list).toMatchObject({ status: 200, body: { data: [{ email: ada.user.email }] } });
    expect(Object.keys(list.body.data[0]!).sort()).toEqual(['email', 'id']);
    expect(list.body.page).toEqual({ limit: 20, nextCursor: null, prevCursor: null });
  });
});
