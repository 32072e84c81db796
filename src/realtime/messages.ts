import type { CloudEvent } from '../events/index.js';
import type { EventFilter } from './subscription.js';

/** Who somebody is on a socket, until when, and what they are told. */
export interface Standing {
  readonly userId: string;
  /** Null for a key that never expires. */
  readonly expiresAt: string | null;
  /** Whether they are told what happens to their own account. */
  readonly own: boolean;
  /** Which of the events of everybody they are told; null for none. */
  readonly events: EventFilter | null;
}

/** Why a socket is closed. */
export interface Ended {
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  /** Whether to connect again at once makes sense, with what was shown before. */
  readonly again: boolean;
}

export type Answer = ({ readonly ok: true } & Standing) | { readonly ok: false; readonly problem: object };
type Acknowledge = (answer: Answer) => void;

/** What the server says: REALTIME_MESSAGES in words for people. */
export interface ServerMessages {
  ready: (standing: Standing & { readonly lastEventId: string | null }) => void;
  event: (event: CloudEvent) => void;
  unsubscribed: (why: { readonly code: string; readonly title: string }) => void;
  closing: (why: Ended) => void;
}

/** What a client says; what it really sends is unknown. */
export interface ClientMessages {
  authenticate: (given: unknown, acknowledge?: Acknowledge) => void;
  subscribe: (given: unknown, acknowledge?: Acknowledge) => void;
}
