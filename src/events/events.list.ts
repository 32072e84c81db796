import { Injectable } from '@nestjs/common';

import { Secrets } from '../platform/crypto/secrets.js';
import { compileFilter } from '../platform/http/lists/compile.js';
import { CursorCodec, cursorInvalid, cursorScope } from '../platform/http/lists/cursor.js';
import { ListQueryInvalid } from '../platform/http/lists/list-query-invalid.js';
import { COUNTED_AT_MOST } from '../platform/http/lists/list-query.js';
import type { ListQuery, PageResponse } from '../platform/http/lists/list-query.js';
import type { PageOf } from '../platform/http/lists/listing.js';
import { EVENT_ATTRIBUTES } from './event-filter.js';
import { EventPositionGone } from './events.contract.js';
import { EventsRepository } from './events.repository.js';
import { START } from './fact.js';
import type { Condition, Position, PublicFact, Standing, Stretch } from './fact.js';

/** The order of commits, and the only one: a reader who goes on from a cursor of another would skip what commits late. */
export const EVENT_SORTS = ['sequence'];

/** A cursor has an id beside what it sorts by; here that is the place, and nothing is left to decide. */
const NOBODY = '00000000-0000-0000-0000-000000000000';
const PLACE = /^(\d{1,20})\.(-?\d{1,19})$/;

/** Pages of the facts. There is always a next one: whoever has read everything comes again with its cursor. */
@Injectable()
export class EventsList {
  private readonly cursors: CursorCodec;

  constructor(
    private readonly events: EventsRepository,
    secrets: Secrets,
  ) {
    this.cursors = new CursorCodec(secrets.key('cursors'));
  }

  /**
   * A cursor that stands ahead of all that there is was given by a cluster before this one (new-cluster.ts): it is
   * refused, for whoever kept it would wait for ever.
   * @throws ListQueryInvalid, FilterTooCostly, EventPositionGone
   */
  async page(query: ListQuery): Promise<PageOf<PublicFact>> {
    const { limit, count, cursor, sort = EVENT_SORTS[0], filter, streamed } = query;
    if (!EVENT_SORTS.includes(sort!)) throw sortInvalid();
    const condition = conditionOf(filter);
    const { from, backwards } = cursor === undefined ? { from: null, backwards: false } : this.decode(cursor, filter);
    const stretch = { from: from ?? START, backwards, limit: limit + 1 };
    const [{ facts, end, ...standing }, total] = await Promise.all([
      this.events.page(condition, stretch),
      count === 'none' ? {} : this.total(condition, count === 'exact'),
    ]);
    if (from && !backwards) refuseLost(from, standing);
    const hasMore = facts.length > limit;
    const rows = facts.slice(0, limit);
    if (backwards) rows.reverse();
    const next = backwards ? (rows.at(-1) ?? before(from!)) : hasMore ? rows.at(-1)! : end;
    const prev = backwards ? hasMore && rows[0]! : from !== null && (rows[0] ?? behind(from));
    const page: PageResponse = {
      limit,
      // What is streamed has an end: that of now.
      nextCursor: streamed && !backwards && !hasMore ? null : this.encode(next, 'next', filter),
      prevCursor: prev === false ? null : this.encode(prev, 'prev', filter),
      ...total,
    };
    return { rows, page, backwards };
  }

  /** The place from which a cursor of this list, with the same filter, leads on. @throws ListQueryInvalid, EventPositionGone */
  async placeOf(cursor: string, filter: string | undefined): Promise<Position> {
    const { from, backwards } = this.decode(cursor, filter);
    if (backwards) throw cursorInvalid();
    refuseLost(from, await this.events.standing(from));
    return from;
  }

  /** For whoever may not know of the facts of others: from here on there is what they may know of. */
  cursorOf(place: Position, filter: string | undefined): string {
    return this.encode(place, 'next', filter);
  }

  private decode(cursor: string, filter: string | undefined): Omit<Stretch, 'limit'> {
    const { direction, value } = this.cursors.decode(cursor, scopeOf(filter));
    const [, xid, seq] = PLACE.exec(value ?? '') ?? [];
    if (xid === undefined || seq === undefined || !fits(xid, seq)) throw cursorInvalid();
    return { from: { xid, seq }, backwards: direction === 'prev' };
  }

  private encode({ xid, seq }: Position, direction: 'next' | 'prev', filter: string | undefined): string {
    return this.cursors.encode({ scope: scopeOf(filter), direction, value: `${xid}.${seq}`, id: NOBODY });
  }

  private async total(condition: Condition, exact: boolean): Promise<{ total: number; totalIsEstimate: boolean }> {
    if (!exact) return { total: await this.events.estimate(condition), totalIsEstimate: true };
    const counted = await this.events.count(condition, COUNTED_AT_MOST + 1);
    return { total: Math.min(counted, COUNTED_AT_MOST), totalIsEstimate: counted > COUNTED_AT_MOST };
  }
}

function conditionOf(filter: string | undefined): Condition {
  return filter === undefined ? { sql: 'true', parameters: [] } : compileFilter(filter, EVENT_ATTRIBUTES, 1);
}

/** @throws ListQueryInvalid if it is of a cluster before this one; EventPositionGone if events after it are no more */
function refuseLost(from: Position, { edge, isRetired }: Standing): void {
  if (BigInt(from.xid) > BigInt(edge)) throw cursorInvalid();
  if (isRetired) throw new EventPositionGone();
}

function scopeOf(filter: string | undefined): string {
  return cursorScope('events', EVENT_SORTS[0]!, filter);
}

/** A signature does not make a number fit its type (the key may leak). */
function fits(xid: string, seq: string): boolean {
  return BigInt(xid) < 2n ** 64n && BigInt.asIntN(64, BigInt(seq)) === BigInt(seq);
}

/** So that what stands at the place itself comes after it. */
function before({ xid, seq }: Position): Position {
  return { xid, seq: String(BigInt(seq) - 1n) };
}

/** So that what stands at the place itself comes before it. */
function behind({ xid, seq }: Position): Position {
  return { xid, seq: String(BigInt(seq) + 1n) };
}

function sortInvalid(): ListQueryInvalid {
  const detail = 'Events have one order, that of their commits: leave the sort out, or write "sequence"';
  return new ListQueryInvalid('sort', 'sort_invalid', detail, EVENT_SORTS);
}
