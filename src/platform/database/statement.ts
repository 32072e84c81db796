/** SQL text with a name under which each connection keeps it prepared. The name must belong to one text only. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export function statement(name: string, text: string): Statement {
  return Object.freeze({ name, text });
}
