import { ApiSchema } from '@nestjs/swagger';

import { Id, ListOf, Text, Whole } from '../platform/http/properties.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import { UserResponse } from './users.dto.js';

const SOMEBODY = '01a1fb89-a690-7530-90c7-ac334b01292e';
const AT_ONCE = 20;
/** A message holds less than an answer over HTTP may. */
const MOST = 100;
const CURSOR_LENGTH = 8192;

@ApiSchema({ name: 'UserQuestion' })
export class UserQuestion {
  @Id({ about: 'The id of the user', example: SOMEBODY }) id!: string;
}

@ApiSchema({ name: 'UsersQuestion' })
export class UsersQuestion {
  @Text({
    about: 'The grammar of SCIM (RFC 7644, 3.4.2.2), as in `GET /api/v1/users`',
    example: 'email eq "ada@example.com"',
    min: 1,
    max: 2000,
    optional: true,
  })
  filter?: string;

  @Text({ about: 'As in `GET /api/v1/users`', example: '-createdAt', min: 1, max: 50, optional: true }) sort?: string;

  @Whole({ about: `How many at most; ${AT_ONCE} if left out`, example: AT_ONCE, min: 1, max: MOST, optional: true })
  limit?: number;

  @Text({
    about: 'The `nextCursor` of the same filter and sort',
    example: 'eyJ2IjoxfQ',
    min: 1,
    max: CURSOR_LENGTH,
    optional: true,
  })
  cursor?: string;

  query(): ListQuery {
    const { limit = AT_ONCE, ...words } = this;
    return { ...words, limit, count: 'none', streamed: false };
  }
}

@ApiSchema({ name: 'FoundUsers' })
export class FoundUsersAnswer {
  @ListOf(() => UserResponse, 'Those who were found, in order') users!: UserResponse[];

  @Text({
    about: 'Give it as `cursor` for those who follow; null where nobody does',
    example: null,
    max: CURSOR_LENGTH,
    nullable: true,
  })
  nextCursor!: string | null;
}
