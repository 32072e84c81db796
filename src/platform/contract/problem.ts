import { register } from './registry.js';

/** One fault in a request: a JSON Pointer (RFC 6901) into the body, or the name of a parameter, and a code. */
export interface FieldFault {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly code: string;
  readonly detail: string;
}

export interface ProblemExplanation {
  /** Why it happens, for the page at /problems/{code}. */
  readonly cause: string;
  /** What the caller can do about it. */
  readonly mend: string;
  /** What it tells in a real answer beside its title, for the examples of the document; often nothing. */
  readonly told?: { readonly detail?: string; readonly errors?: readonly FieldFault[] };
}

export interface ProblemDefinition extends ProblemExplanation {
  readonly code: string;
  readonly status: number;
  readonly title: string;
}

/** A refusal that a client can understand (RFC 9457). Thrown from any depth; one filter writes it. */
export class Problem extends Error {
  readonly headers: Record<string, string> = {};
  /** The permission that was wanting; for the record, and told nobody. */
  lacked: string | null = null;

  constructor(
    readonly definition: ProblemDefinition,
    readonly detail?: string,
    readonly faults?: readonly FieldFault[],
  ) {
    super(detail ?? definition.title);
    this.name = definition.code;
  }

  withHeader(name: string, value: string): this {
    this.headers[name] = value;
    return this;
  }

  lacking(permission: string): this {
    this.lacked = permission;
    return this;
  }
}

/** The class that `defineProblem` gives: throw it with a sentence about this one case, or with none. */
export interface ProblemClass {
  new (detail?: string, faults?: readonly FieldFault[]): Problem;
  readonly definition: ProblemDefinition;
}

export const problems = new Map<string, ProblemDefinition>();

/** Promises a problem: its code never changes. A second one of the same code stops the start. */
export function defineProblem(
  code: string,
  status: number,
  title: string,
  explanation: ProblemExplanation,
): ProblemClass {
  const definition: ProblemDefinition = Object.freeze({ code, status, title, ...explanation });
  register('problem', problems, code, definition);
  return class extends Problem {
    static readonly definition = definition;
    constructor(detail?: string, faults?: readonly FieldFault[]) {
      super(definition, detail, faults);
    }
  };
}
