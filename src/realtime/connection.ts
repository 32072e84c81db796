import type { Duplex } from 'node:stream';

import type { Socket } from 'socket.io';

import type { CloudEvent } from '../events/index.js';
import type { Problem } from '../platform/contract/problem.js';
import type { Principal } from '../platform/http/principal.js';
import type { ClientMessages, ServerMessages, Standing } from './messages.js';
import { nameOf } from './subscription.js';
import type { EventFilter } from './subscription.js';
import type { Arrival } from './upgrades.js';

export type RealtimeSocket = Socket<ClientMessages, ServerMessages>;
/** What socket.io calls the connection below a socket. */
export type Line = RealtimeSocket['conn'];

/** Of the past no more is read for somebody who has not taken so much yet. Packets. */
const BEHIND = 100;
/** Whoever leaves more than this to wait is dropped. Packets, and bytes. */
const SLOW_PACKETS = 1000;
const SLOW_BYTES = 1024 * 1024;

/** Whoever does not close their end by then is cut off. Milliseconds. */
export const FAREWELL = 1000;

/** The last that a date can say (ECMAScript, 21.4.1.1). */
const LAST_MOMENT = 8.64e15;

/** What somebody is told: what happens to their own account, and, by a filter, what happens to everybody. */
export interface Wants {
  readonly own: boolean;
  readonly events: EventFilter | null;
}

/** Somebody as they are at this moment. */
export interface Settled {
  readonly principal: Principal;
  readonly wants: Wants;
  readonly shown: string;
}

/** How a connection ended. */
interface Ending {
  /** Null where the client went by itself. */
  readonly problem: Problem | null;
  readonly again: boolean;
}

/** Somebody who is connected: who they are, by what they proved it, and what they want. */
export class Connection {
  private end: Ending | null = null;
  private joined = false;
  private held: PromiseWithResolvers<void> | null = null;
  private isHeavy = false;
  private ends: AbortController | null = null;

  readonly address: string;
  /** The token or key, to ask once more whether it is still good. */
  shown: string;
  principal: Principal;
  wants: Wants;
  private readonly raw: Duplex;

  constructor(
    private readonly socket: RealtimeSocket,
    { address, raw }: Arrival,
    { shown, principal, wants }: Settled,
  ) {
    this.address = address;
    this.raw = raw;
    this.shown = shown;
    this.principal = principal;
    this.wants = wants;
  }

  get line(): Line {
    return this.socket.conn;
  }

  /** Why it ended, or is about to; null while it goes on. */
  get endedBy(): Problem | null {
    return this.end?.problem ?? null;
  }

  get isEnded(): boolean {
    return this.end !== null;
  }

  /** Aborted once it has ended; made for those who ask. */
  get signal(): AbortSignal {
    this.ends ??= new AbortController();
    if (this.end) this.ends.abort();
    return this.ends.signal;
  }

  /** Takes part in what is told to everybody who wants the same; before, only what is sent to it alone. */
  join(): void {
    this.joined = true;
    if (!this.end) void this.socket.join(this.rooms());
  }

  want(wants: Wants): void {
    const wasJoined = this.part();
    this.wants = wants;
    if (wasJoined) this.join();
  }

  /** Something may have been taken away from them: they are told nothing until somebody knows. @returns whether they had joined */
  hold(): boolean {
    this.held ??= Promise.withResolvers();
    return this.part();
  }

  release(): void {
    this.held?.resolve();
    this.held = null;
  }

  /** Settles when they are released; null where nothing holds them. */
  get released(): Promise<void> | null {
    return this.held?.promise ?? null;
  }

  private part(): boolean {
    const wasJoined = this.joined;
    for (const room of wasJoined ? this.rooms() : []) void this.socket.leave(room);
    this.joined = false;
    return wasJoined;
  }

  send(event: CloudEvent): void {
    this.socket.emit('event', event);
  }

  ready(lastEventId: string | null): void {
    this.socket.emit('ready', { ...this.standing(), lastEventId });
  }

  /** Who they are and until when, as far as it is told to them. */
  standing(): Standing {
    const { userId, expiresAt } = this.principal;
    // Keys may never expire.
    const until = expiresAt <= LAST_MOMENT ? new Date(expiresAt).toISOString() : null;
    return { userId, expiresAt: until, ...this.wants };
  }

  /** They lost the right to see the events of everybody, and stay with their own. */
  unsubscribe({ definition: { code, title } }: Problem): void {
    this.want({ ...this.wants, events: null });
    this.socket.emit('unsubscribed', { code, title });
  }

  /** Whether more waits for them than should be added to. */
  get isBehind(): boolean {
    return !this.end && waitingOn(this.line).length > BEHIND;
  }

  /**
   * Whether they leave too much to wait: bytes at two looks in a row, for a burst takes its moment to be sent. Not of those
   * who read the past: to them no more is sent until they took it, however large.
   */
  staysSlow(): boolean {
    if (!this.joined) return false;
    const packets = waitingOn(this.line);
    const bytes = packets.reduce((sum, { data = '' }) => sum + data.length, this.raw.writableLength);
    const wasHeavy = this.isHeavy;
    this.isHeavy = bytes > SLOW_BYTES;
    return packets.length > SLOW_PACKETS || (wasHeavy && this.isHeavy);
  }

  /** Until what waits was taken, or nobody wants it any more. @param patience milliseconds @returns whether it was by then */
  drained(patience: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (inTime: boolean): void => {
        clearTimeout(timer);
        this.line.off('drain', done);
        this.line.off('close', done);
        resolve(inTime);
      };
      const done = (): void => settle(true);
      const timer = setTimeout(() => settle(false), patience).unref();
      this.line.on('drain', done);
      this.line.on('close', done);
    });
  }

  /**
   * Says why, then closes; what is still in its handshake is refused by whoever holds it.
   * @param again whether a client is to connect again by itself: socket.io does unless it is told to go
   */
  close(problem: Problem, again: boolean): void {
    if (this.end) return;
    this.over({ problem, again });
    if (this.socket.connected) this.leave();
  }

  /** The last words, to whoever can hear them. */
  leave(): void {
    if (!this.end?.problem) return;
    const { again } = this.end;
    const { detail, definition } = this.end.problem;
    const { code, title } = definition;
    this.socket.emit('closing', { code, title, ...(detail === undefined ? {} : { detail }), again });
    if (again) this.line.close();
    else this.socket.disconnect(true);
    setTimeout(() => this.raw.destroy(), FAREWELL).unref();
  }

  /** At once and without a word: it would only wait behind the others. */
  drop(problem: Problem): void {
    this.over({ problem, again: true });
    this.raw.destroy();
  }

  /** Nothing is sent any more. */
  over(end: Ending): void {
    this.end ??= end;
    this.release();
    this.ends?.abort();
  }

  /** Names of rooms: `user:<id>` for what happens to them, one for each filter that somebody has. */
  private rooms(): string[] {
    const { own, events } = this.wants;
    return [...(own ? [userRoom(this.principal.userId)] : []), ...(events ? [nameOf(events)] : [])];
  }
}

export function userRoom(userId: string): string {
  return `user:${userId}`;
}

/** Packets that were not yet given to the WebSocket; of the engine's own, which does not tell. */
function waitingOn(line: Line): readonly { readonly data?: string }[] {
  return (line as unknown as { writeBuffer: { data?: string }[] }).writeBuffer;
}
