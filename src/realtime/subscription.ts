import { eventTypes } from '../platform/contract/event.js';
import type { FieldFault } from '../platform/contract/problem.js';
import { SubscriptionInvalid } from './realtime.contract.js';

/** Which of the events of everybody somebody wants; nothing said means all. */
export interface EventFilter {
  /** Types, or groups of them such as `user.*`. */
  readonly types: readonly string[];
  /** `users/<id>`, or all of a kind by `users/*`. */
  readonly subject: string | null;
}

interface Told {
  readonly type: string;
  readonly subject: string | null;
}

const MOST_TYPES = 50;
const SUBJECT = /^[a-z_-]{1,50}\/(?:\*|[A-Za-z0-9_-]{1,100})$/;
const MEMBERS = new Set(['types', 'subject']);

/**
 * Reads what a client sent as its filter: `true` for everything, or an object.
 * @param pointer where it stands in what was sent
 * @throws SubscriptionInvalid
 */
export function readFilter(given: unknown, pointer: string): EventFilter {
  if (given === true) return { types: [], subject: null };
  const faults: FieldFault[] = [];
  const wrong = (at: string, code: string, detail: string): void =>
    void faults.push({ pointer: `${pointer}${at}`, code, detail });
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new SubscriptionInvalid(undefined, [
      { pointer, code: 'object_expected', detail: 'must be true, or an object with "types" and "subject"' },
    ]);
  }
  const { types = [], subject = null } = given as { types?: unknown; subject?: unknown };
  for (const name of Object.keys(given))
    if (!MEMBERS.has(name)) wrong(`/${name.slice(0, 50)}`, 'unknown_member', 'is not known here');
  if (!Array.isArray(types) || types.length > MOST_TYPES)
    wrong('/types', 'types_invalid', `must be a list of at most ${MOST_TYPES} types`);
  else
    types.forEach((type, at) => {
      if (!isKnown(type)) wrong(`/types/${at}`, 'event_type_unknown', 'there is no event of this type');
    });
  if (subject !== null && (typeof subject !== 'string' || !SUBJECT.test(subject)))
    wrong('/subject', 'subject_invalid', 'must be such as users/<id> or users/*');
  if (faults.length > 0) throw new SubscriptionInvalid(undefined, faults);
  return { types: [...new Set(types as string[])].sort(), subject: subject as string | null };
}

export function matches({ types, subject }: EventFilter, fact: Told): boolean {
  if (subject !== null && !isOf(subject, fact.subject)) return false;
  return types.length === 0 || types.some((type) => type === fact.type || isOf(type, fact.type));
}

/** The same filter has the same name: those who want the same share a room. */
export function nameOf({ types, subject }: EventFilter): string {
  return `events ${types.join(',')} ${subject ?? ''}`;
}

/** `user.*` has every type that begins with `user.`; `users/*` every subject that begins with `users/`. */
function isOf(wanted: string, told: string | null): boolean {
  if (told === null) return false;
  return wanted.endsWith('*') ? told.startsWith(wanted.slice(0, -1)) : told === wanted;
}

function isKnown(type: unknown): boolean {
  if (typeof type !== 'string') return false;
  if (eventTypes.has(type)) return true;
  return /^[a-z_]+(?:\.[a-z_]+)*\.\*$/.test(type) && [...eventTypes.keys()].some((known) => isOf(type, known));
}
