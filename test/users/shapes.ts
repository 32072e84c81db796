/** A user as the API shows them, as far as the tests look. */
export interface Shown {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly username: string | null;
  readonly metadata: object;
  readonly locale: string;
  readonly version: number;
  readonly status: string;
  readonly roles: string[];
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly suspension: { readonly since: string; readonly until: string | null; readonly reason: string } | null;
}

export interface Failure {
  readonly code: string;
  readonly detail?: string;
  readonly errors?: {
    readonly pointer?: string;
    readonly parameter?: string;
    readonly code: string;
    readonly detail: string;
  }[];
}

export interface PageOf<T> {
  readonly data: T[];
  readonly page: {
    readonly limit: number;
    readonly nextCursor: string | null;
    readonly prevCursor: string | null;
    readonly total?: number;
    readonly totalIsEstimate?: boolean;
  };
}
