import type { ListQuery, PageResponse } from './list-query.js';

const FOLLOWING = Symbol('following');

/** An answer to a list: a page, and, where all of them are streamed, the way to the one that follows. */
export interface Listing<T extends object = object> {
  readonly data: T[];
  readonly page: PageResponse;
}

type Ask = () => Promise<Listing>;

/** One page of rows. */
export interface PageOf<Row> {
  readonly rows: Row[];
  readonly page: PageResponse;
  /** It was asked for by a `prevCursor`. */
  readonly backwards?: boolean;
}

/**
 * The answer to a list.
 * @param ask one page of rows
 * @param show a row as it leaves
 */
export async function listing<Row, T extends object>(
  query: ListQuery,
  ask: (query: ListQuery) => Promise<PageOf<Row>>,
  show: (row: Row) => T,
): Promise<Listing<T>> {
  const { rows, page, backwards } = await ask(query);
  const answer: Listing<T> = { data: rows.map(show), page };
  const { nextCursor: cursor } = page;
  // Whoever reads backwards has been where the next page leads.
  if (!query.streamed || cursor === null || backwards) return answer;
  const next: Ask = () => listing({ ...query, cursor, count: 'none' }, ask, show);
  return Object.defineProperty(answer, FOLLOWING, { value: next });
}

/** Asks for the page after this; null when there is none, or when one page was all that was asked for. */
export function following(answer: Listing): Ask | null {
  return (answer as { [FOLLOWING]?: Ask })[FOLLOWING] ?? null;
}
