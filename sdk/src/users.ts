import { Users as Operations } from './generated/sdk.gen.js';
import type { User, UsersListData } from './generated/types.gen.js';
import { all } from './pages.js';

/** The operations on users, and walking their list. */
export class Users extends Operations {
  /**
   * Every user that fits, page after page, each asked for when the one before has been read.
   * @example for await (const user of roster.users.all({ filter: 'status eq "active"' })) …
   */
  all(
    query: NonNullable<UsersListData['query']> = {},
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<User, void> {
    return all((page) => this.list({ ...options, query: page }), query);
  }
}
