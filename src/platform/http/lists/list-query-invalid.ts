/**
 * A list was asked for in words it does not know; the door answers 400.
 * `code` is `<thing>_<state>`; `detail` is for the client and never carries more of its own text than an attribute's name;
 * `allowed` names what would have been understood, where that can be listed.
 */
export class ListQueryInvalid extends Error {
  override readonly name = 'ListQueryInvalid';

  constructor(
    /** Its name; that of an unknown one is the client's own text, cut to 64 characters. */
    readonly parameter: string,
    readonly code: string,
    readonly detail: string,
    readonly allowed?: readonly string[],
  ) {
    super(detail);
  }
}
