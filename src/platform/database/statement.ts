/** SQL text with a name under which each connection keeps it prepared. The name must belong to one text only. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** It is answered at once, and may share a connection with others of its kind. */
  readonly lookup?: boolean;
}

/** A question by a key: one index, a few rows, no lock. Never for what may be slow. */
export function lookup(name: string, text: string): Statement {
  return Object.freeze({ name, text, lookup: true });
}

export function statement(name: string, text: string): Statement {
  return Object.freeze({ name, text });
}
