import type { CloudEvent } from '../../../src/events/index.js';
import type { Told } from './judge.js';

/** What both a CloudEvent and an entry of the audit log say of a fact. */
interface Said {
  readonly id: string;
  readonly type: string;
  readonly subject: string | null;
  readonly version: number | null;
  readonly time: string;
  readonly data: object;
}

/** The same text for the same fact, whoever tells it. */
export function told({ id, type, subject, version, time, data }: Said): Told {
  return { id, type, subject, version, content: JSON.stringify({ type, subject, version, time, data }, sorted) };
}

export function toldBy({ id, type, subject, subjectversion, time, data }: CloudEvent): Told {
  return told({ id, type, subject: subject ?? null, version: subjectversion ?? null, time, data });
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
