/** How a command was called, and how it answers. */
export interface Invocation {
  readonly json: boolean;
  /** Which administrator is meant; null when it was not said. */
  readonly email: string | null;
  /** The settings are judged as with NODE_ENV=production. */
  readonly production: boolean;
  readonly showCredentials: boolean;
  /** An export of the audit log, to be verified instead of the database; or where users are exported to. */
  readonly file: string | null;
  /** The public keys of its checkpoints, by commas. */
  readonly key: string | null;
  /** The first entry that has to be in it, and the last, by their numbers. */
  readonly fromSeq: string | null;
  readonly expectSeq: string | null;
  /** What stands after the name of the command: a file, or an address. */
  readonly operand: string;
  /** How users are taken over, and which are written. */
  readonly onConflict: string | null;
  readonly dryRun: boolean;
  readonly format: string | null;
  readonly firebase: string | null;
  readonly filter: string | null;
  /** A copy of our own, also where there is a pg_dump. */
  readonly logical: boolean;
  /** Writes the answer to stdout: the text, or with --json the object in one line. @returns the exit code 0 */
  answer(text: string, object: object): 0;
}
