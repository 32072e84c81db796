import type { LightMyRequestResponse } from 'fastify';

export interface Answer<T = Record<string, never>> {
  readonly status: number;
  readonly headers: LightMyRequestResponse['headers'];
  readonly body: T;
  readonly text: string;
}

/** What people need of the application that they live in. */
export interface Household {
  get<T>(type: abstract new (...parameters: never[]) => T): T;
  send<T = never>(
    method: string,
    url: string,
    options?: { token?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer<T>>;
  sql<T = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
}
