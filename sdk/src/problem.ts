import type { PROBLEM_CODES } from './generated/facts.gen.js';
import type { Problem } from './generated/types.gen.js';

/** Every code that an operation documents. */
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** A failure that the server explained (RFC 9457). */
export class RosterProblem extends Error {
  /** What it is; never changes. A newer server may know codes that this client does not. */
  readonly code: ProblemCode | (string & {});
  readonly status: number;
  readonly title: string;
  /** This one case, for people. */
  readonly detail: string | undefined;
  /** Each single fault: a JSON Pointer into the body, or the name of a parameter. */
  readonly errors: NonNullable<Problem['errors']>;
  /** Under this id the server's log tells more. */
  readonly requestId: string;
  /** Seconds to wait before the next try, where the server said so. */
  readonly retryAfter: number | undefined;

  constructor(
    readonly problem: Problem,
    /** The answer itself; its body has been read. */
    readonly response: Response,
  ) {
    super(problem.detail ?? problem.title);
    this.name = 'RosterProblem';
    this.code = problem.code;
    this.status = problem.status;
    this.title = problem.title;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.requestId = problem.requestId;
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    this.retryAfter = Number.isNaN(seconds) ? undefined : seconds;
  }
}

/** Whether this is a problem, and one of these codes if any are given. */
export function isProblem<C extends ProblemCode>(
  error: unknown,
  ...codes: readonly C[]
): error is RosterProblem & { readonly code: [C] extends [never] ? ProblemCode : C } {
  return error instanceof RosterProblem && (codes.length === 0 || (codes as readonly string[]).includes(error.code));
}

/** A failure without a problem: a proxy's page, most likely, or `/health` that tells what is wrong. */
export class FailedAnswer extends Error {
  constructor(
    readonly status: number,
    /** What it said: a text, or what its JSON meant. */
    readonly body: unknown,
    readonly response: Response,
  ) {
    super(`The answer was ${status}, without a problem`);
    this.name = 'FailedAnswer';
  }
}

/** What the generated client would throw, as an error of ours; what never was an answer stays what it is. */
export function asProblem(body: unknown, response: Response | undefined): unknown {
  if (!response || body instanceof Error) return body;
  const told = body as Partial<Problem> | null;
  return typeof told === 'object' && typeof told?.code === 'string'
    ? new RosterProblem(told as Problem, response)
    : new FailedAnswer(response.status, body, response);
}
