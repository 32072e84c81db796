/** As much of a list's answer as walking it takes. */
interface ListAnswer<T> {
  readonly data: { readonly data: readonly T[]; readonly page: { readonly nextCursor: string | null } };
}

interface Cursor {
  cursor?: string;
}

/**
 * Every row of a list, page after page, each asked for when the one before has been read.
 * @example for await (const user of all((query) => roster.users.list({ query }), { filter: 'status eq "active"' })) …
 */
export async function* all<T, Q extends object = object>(
  list: (query: Q & Cursor) => PromiseLike<ListAnswer<T>>,
  query: Q = {} as Q,
): AsyncGenerator<T, void> {
  for await (const page of pages(list, query)) yield* page;
}

/** The same by pages. */
export async function* pages<T, Q extends object = object>(
  list: (query: Q & Cursor) => PromiseLike<ListAnswer<T>>,
  query: Q = {} as Q,
): AsyncGenerator<readonly T[], void> {
  for (let { cursor } = query as Cursor; ;) {
    const { data } = await list(cursor === undefined ? query : { ...query, cursor });
    yield data.data;
    if (data.page.nextCursor === null) return;
    cursor = data.page.nextCursor;
  }
}
