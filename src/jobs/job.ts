/** A kind of work that is done later, at least once: its handler must be able to run again after a crash. */
export interface JobType<P extends object> {
  readonly name: string;
  readonly maxAttempts: number;
  /** Only for the type checker: what the payload is. */
  readonly payload?: P;
}

const names = new Set<string>();

/** Names a kind of work, `<thing>.<deed>`; a second of the same name stops the start. */
export function defineJob<P extends object = object>(
  name: string,
  options: { readonly maxAttempts: number },
): JobType<P> {
  if (names.has(name)) throw new Error(`The job "${name}" is defined twice`);
  names.add(name);
  return Object.freeze({ name, ...options });
}
