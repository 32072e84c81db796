import { OperatorFault } from '../../config/operator-fault.js';

/** The embedded PostgreSQL cannot be used here. The message is for the operator and says what to do. */
export class EmbeddedPostgresRefused extends OperatorFault {
  override readonly name = 'EmbeddedPostgresRefused';
}

/** True if a file operation failed with one of these codes (`ENOENT`, `EEXIST` …). */
export function failedWith(error: unknown, ...codes: string[]): boolean {
  // Not instanceof: under jest the errors of Node's own modules come from another realm.
  return typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));
}
