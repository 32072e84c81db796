import type { Versions } from '../platform/http/parameters.js';
import { PreconditionFailed } from '../platform/http/problems.js';

/** @throws PreconditionFailed unless this is the version that the caller saw */
export function refuseStale(version: number, expected: Versions): void {
  if (expected !== null && !expected.includes(version)) throw new PreconditionFailed();
}
