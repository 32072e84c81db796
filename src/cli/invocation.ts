/** How a command was called, and how it answers. */
export interface Invocation {
  readonly json: boolean;
  /** Which administrator is meant; null when it was not said. */
  readonly email: string | null;
  /** The settings are judged as with NODE_ENV=production. */
  readonly production: boolean;
  readonly showCredentials: boolean;
  /** Writes the answer to stdout: the text, or with --json the object in one line. @returns the exit code 0 */
  answer(text: string, object: object): 0;
}
