/** The query parameters of a list (API.md §1). */
export type ListParameter = 'filter' | 'sort' | 'cursor' | 'fields' | 'limit' | 'count';

/**
 * A list was asked for in words it does not know; the door answers 400.
 * `code` is `<thing>_<state>`; `detail` is for the client and never carries more of its own text than an attribute's name;
 * `allowed` names what would have been understood, where that can be listed.
 */
export class ListQueryInvalid extends Error {
  override readonly name = 'ListQueryInvalid';

  constructor(
    readonly parameter: ListParameter,
    readonly code: string,
    readonly detail: string,
    readonly allowed?: readonly string[],
  ) {
    super(detail);
  }
}
