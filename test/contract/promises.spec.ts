import { Controller, Get, Post } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { ApiExcludeController, ApiExcludeEndpoint } from '@nestjs/swagger';

import { defineJob } from '../../src/jobs/index.js';
import { defineEvent } from '../../src/platform/contract/event.js';
import { definePermission } from '../../src/platform/contract/permission.js';
import { defineProblem } from '../../src/platform/contract/problem.js';
import { buildDocument } from '../../src/platform/http/document.js';
import { ApiProblems, Operation } from '../../src/platform/http/operation.js';
import { Public } from '../../src/platform/http/policy.js';
import { applicationOf } from './planted.js';

const answer = { status: 200, about: 'A test' };

@Controller('planted')
class WithoutPolicy {
  @Get()
  @Operation('test.silent', 'A test', answer)
  silent(): void {}
}

@Controller('planted')
class HiddenHandler {
  @Get()
  @Public()
  @Operation('test.shown', 'A test', answer)
  shown(): void {}

  @Post('hidden')
  @ApiExcludeEndpoint()
  hidden(): void {}
}

@ApiExcludeController()
@Controller('planted')
class HiddenController {
  @Get()
  hidden(): void {}
}

@Controller('inherited')
class Inheriting extends WithoutPolicy {}

class NotDefined extends defineProblem('test_forgotten', 409, 'No', { cause: '', mend: '' }) {}

@Controller('planted')
class UnknownProblem {
  @Get()
  @Public()
  @ApiProblems({ definition: { ...NotDefined.definition, code: 'test_unknown' } } as never)
  @Operation('test.unknown', 'A test', answer)
  unknown(): void {}
}

@Controller('planted')
class InOrder {
  @Get()
  @Public()
  @Operation('test.inOrder', 'A test', answer)
  shown(): void {}

  notARoute(): void {}
}

describe('the start', () => {
  const apps: INestApplication[] = [];
  afterAll(() => Promise.all(apps.map((app) => app.close())));

  const documentOf = async (controller: Type): Promise<object> => {
    const app = await applicationOf(controller);
    apps.push(app);
    return buildDocument(app, '0.0.0', []);
  };

  it.each<[string, Type, RegExp]>([
    ['a route without a policy', WithoutPolicy, /WithoutPolicy\.silent: declares no policy/],
    ['a route hidden from the document without one', HiddenHandler, /HiddenHandler\.hidden: declares no policy/],
    ['a controller hidden from the document without one', HiddenController, /HiddenController\.hidden: declares/],
    ['an inherited route without one', Inheriting, /Inheriting\.silent: declares no policy/],
    ['a route with a problem that nobody defined', UnknownProblem, /unknown problem "test_unknown"/],
  ])('stops at %s', async (_, controller, fault) => {
    await expect(documentOf(controller)).rejects.toThrow(fault);
  });

  it('does not stop at one that is in order', async () => {
    await expect(documentOf(InOrder)).resolves.toHaveProperty(['paths', '/planted']);
  });

  it.each([
    ['problem', () => defineProblem('test_twice', 409, 'No', { cause: '', mend: '' })],
    ['permission', () => definePermission('test:twice', 'A test')],
    ['event', () => defineEvent('test.twice', 'A test', {})],
    ['job', () => defineJob('test.twice', { maxAttempts: 1 })],
  ])('stops at a second %s of the same name', (_, define) => {
    define();
    expect(define).toThrow('defined twice');
  });
});
