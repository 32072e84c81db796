import { DatabaseTimeout } from './impatient-client.js';

interface PostgresError {
  code?: string;
  constraint?: string;
  message?: string;
  driverError?: PostgresError;
  cause?: unknown;
}

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** SQLSTATE classes 08 (connection), 53 (resources), 57P (shut down); 25006 is a standby that was promoted away. */
const UNAVAILABLE = /^(?:08...|53...|57P0[1-5]|25006)$/;
/** Said only while connecting: wrong password, no such database, a database that lets nobody in. */
const AT_THE_DOOR = /^(?:28...|3D000|55000)$/;
const PG_LOST =
  /Connection terminated|timeout exceeded when trying to connect|not queryable|Client has encountered a connection error/;

/** TypeORM wraps what pg throws. */
function bare(error: unknown): PostgresError {
  const outer = (error ?? {}) as PostgresError;
  return outer.driverError ?? outer;
}

/** True when the database, not the question, is at fault: the caller gets 503 and may try again. */
export function isUnavailable(error: unknown): boolean {
  const { code, message, cause } = bare(error);
  if (error instanceof DatabaseTimeout || (bare(error) as unknown) instanceof DatabaseTimeout) return true;
  if (code !== undefined && (NETWORK.has(code) || UNAVAILABLE.test(code) || AT_THE_DOOR.test(code))) return true;
  // Statement timeout, lock not available, deadlock and serialization failure that outlived their attempts.
  if (code === '57014' || code === '55P03' || code === '40P01' || code === '40001') return true;
  if (message !== undefined && PG_LOST.test(message)) return true;
  return cause !== undefined && cause !== error && isUnavailable(cause);
}

/** True when waiting does not help: somebody has to give another address or password. */
export function isRefusedAtTheDoor(error: unknown): boolean {
  const { code } = bare(error);
  return code !== undefined && AT_THE_DOOR.test(code);
}

/** True when the same transaction may succeed at once if it is run again (SQLSTATE 40001, 40P01; on a new connection: a stale plan). */
export function isRetryable(error: unknown): boolean {
  const { code } = bare(error);
  return code === '40001' || code === '40P01' || isStalePlan(error);
}

/** The statement ran into its time limit (SQLSTATE 57014). */
export function isCancelled(error: unknown): boolean {
  return bare(error).code === '57014';
}

/** Somebody else held the lock for longer than this statement would wait (SQLSTATE 55P03). */
export function isLockNotAvailable(error: unknown): boolean {
  return bare(error).code === '55P03';
}

/** What a connection has prepared is of a schema that a migration has changed since (SQLSTATE 0A000, 26000). */
export function isStalePlan(error: unknown): boolean {
  const { code, message = '' } = bare(error);
  return code === '26000' || (code === '0A000' && message.includes('cached plan'));
}

/** The name of the unique constraint or index that refused a row, or null. */
export function violatedUnique(error: unknown): string | null {
  const { code, constraint } = bare(error);
  return code === '23505' ? (constraint ?? '') : null;
}

/** What is to be written, not the database, is at fault: SQLSTATE classes 22 (data) and 23 (constraints). */
export function isDataFault(error: unknown): boolean {
  return /^2[23]...$/.test(bare(error).code ?? '');
}
