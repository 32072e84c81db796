import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { ApiExcludeController } from '@nestjs/swagger';

import { PermissionUnknown } from '../access/index.js';
import { Clock } from '../platform/clock/clock.js';
import { Answers } from '../platform/contract/question.js';
import type { Asker } from '../platform/http/principal.js';
import { FilterTooCostly, ParameterInvalid, PermissionDenied } from '../platform/http/problems.js';
import { AccessAnswer, AccessQuestion } from './user-permissions.dto.js';
import { UserPermissions } from './user-permissions.service.js';
import { FoundUsersAnswer, UserQuestion, UsersQuestion } from './user-questions.dto.js';
import { ReadUsers, UserNotFound } from './users.contract.js';
import { UserResponse } from './users.dto.js';
import { UsersList } from './users.list.js';
import { Users } from './users.service.js';

/** What other services ask over the broker: the same services as behind HTTP. */
@ApiExcludeController()
@Controller()
export class UserQuestionsController {
  constructor(
    private readonly users: Users,
    private readonly lists: UsersList,
    private readonly permissions: UserPermissions,
    private readonly clock: Clock,
  ) {}

  @Answers('users.get', {
    about: 'Who somebody is, by their id',
    permission: ReadUsers,
    asks: UserQuestion,
    answers: UserResponse,
    problems: [UserNotFound],
  })
  async get(@Payload() { id }: UserQuestion): Promise<UserResponse> {
    return UserResponse.from(await this.users.get(id), this.clock.now());
  }

  @Answers('users.find', {
    about: 'Those who match a filter, page by page',
    permission: ReadUsers,
    asks: UsersQuestion,
    answers: FoundUsersAnswer,
    problems: [ParameterInvalid, FilterTooCostly],
  })
  async find(@Payload() question: UsersQuestion): Promise<FoundUsersAnswer> {
    const { rows, page } = await this.lists.page(question.query());
    const now = this.clock.now();
    return { users: rows.map((row) => UserResponse.from(row, now)), nextCursor: page.nextCursor };
  }

  @Answers('access.check', {
    about: 'Whether somebody may do something; of somebody else than who asks it wants `users:read`',
    permission: null,
    asks: AccessQuestion,
    answers: AccessAnswer,
    problems: [PermissionDenied, PermissionUnknown, UserNotFound],
  })
  async check(@Payload() question: AccessQuestion, @Ctx() { principal }: Asker): Promise<AccessAnswer> {
    return { allowed: await this.permissions.check(question, principal) };
  }
}
