import type { PublicFact } from './fact.js';

/** The public part of a fact as a CloudEvent (1.0, JSON format); the same to every reader, whatever the way it takes. */
export interface CloudEvent {
  readonly specversion: '1.0';
  /** The same everywhere and for ever: by it a reader knows what it has had. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: object;
  /** Extension: the version of the subject after it. */
  readonly subjectversion?: number;
  /** Extension: its place in the order of commits, which compares as text does. */
  readonly sequence: string;
}

/** Names every member that leaves: the private part of a fact has none. @param source the public URL */
export function cloudEventOf(fact: PublicFact, source: string): CloudEvent {
  const { id, type, subject, subjectVersion, occurredAt, data } = fact;
  return {
    specversion: '1.0',
    id,
    source,
    type,
    // CloudEvents knows no null: what is not there is left out.
    ...(subject === null ? {} : { subject }),
    time: occurredAt.toISOString(),
    datacontenttype: 'application/json',
    data,
    ...(subjectVersion === null ? {} : { subjectversion: subjectVersion }),
    sequence: sequenceOf(fact),
  };
}

/** Both are 64 bits, written so that the order of the texts is that of the numbers. */
function sequenceOf({ xid, seq }: Pick<PublicFact, 'xid' | 'seq'>): string {
  return `${hex(xid)}-${hex(seq)}`;
}

function hex(number: string): string {
  return BigInt(number).toString(16).padStart(16, '0');
}
