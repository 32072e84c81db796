import { Injectable } from '@nestjs/common';

import { Facts, Followers } from '../events/index.js';
import type { RecordedFact } from '../events/index.js';
import { Database } from '../platform/database/database.js';
import { Dispatcher } from './dispatcher.js';
import type { Telling } from './dispatcher.js';
import { matcherOf } from './subscription.js';
import type { Matcher } from './subscription.js';
import { WebhooksRepository } from './webhooks.repository.js';
import type { Subscription } from './webhooks.repository.js';

/** Two places in the order of facts: of those who go in front, and of all others. The second is never before the first. */
const FRONT = 'webhooks-in-front';
const ALL = 'webhooks';
const BATCH = 500;
/** Rows of one transaction, which holds up every reader of facts as long as it lasts; after one that took too long fewer. */
const ROWS = 1000;
const FEWEST_ROWS = 30;
/** From so many on, those who are well go in front. */
const CROWD = 200;
/** Somebody waits for each of them. Milliseconds. */
const GATHERS_FOR = 5;
/** How often it is seen to who goes in front. Milliseconds. */
const PLACES_EVERY = 400;

type Lane = 'front' | 'rest' | 'together';
type Position = Pick<RecordedFact, 'xid' | 'seq'>;

/** What somebody listens to, ready to be asked of every fact. */
interface Listening extends Pick<Subscription, 'id' | 'inFront'> {
  readonly since: bigint;
  readonly matches: Matcher;
}

/** A fact of which not all are told yet: who was the last that is. */
interface Begun {
  readonly eventId: string;
  readonly lastId: string;
}

/** What one transaction owes. */
interface Portion {
  readonly tellings: readonly Telling[];
  /** The last fact of which all are told. */
  readonly upTo: RecordedFact | null;
  readonly begun: Begun | null;
}

interface Planned {
  readonly more: boolean;
  readonly lane: Lane;
  readonly begun: Begun | null;
}

interface Places {
  readonly front: Position;
  readonly all: Position;
}

/**
 * Owes each fact to the webhooks that listen to it: one delivery for each, in the order of the commits. Where many listen,
 * those who are well have a place of their own in that order, and do not wait for the rows of the others.
 */
@Injectable()
export class Planner {
  private readonly begun = new Map<Lane, Begun | null>();
  private rows = ROWS;
  private placedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly db: Database,
    private readonly facts: Facts,
    private readonly webhooks: WebhooksRepository,
    private readonly dispatcher: Dispatcher,
    followers: Followers,
  ) {
    followers.add({ name: ALL, step: () => this.step(), gathersFor: GATHERS_FOR });
  }

  /** @returns whether there may be more */
  private async step(): Promise<boolean> {
    try {
      await this.placeSometimes();
      const more = await this.transaction(() => this.planFront());
      const moreBehind = await this.transaction(() => this.planRest());
      this.rows = Math.min(ROWS, this.rows * 2);
      return more || moreBehind;
    } catch (error) {
      this.rows = Math.max(FEWEST_ROWS, Math.floor(this.rows / 2));
      throw error;
    }
  }

  /** Deliveries and how far that came are one transaction, of one process at a time; what was begun is known after it. */
  private async transaction(plan: () => Promise<Planned>): Promise<boolean> {
    const done = await this.db.transaction(async () => ((await this.webhooks.lockPlan()) ? plan() : null));
    if (done) this.begun.set(done.lane, done.begun);
    return done?.more ?? false;
  }

  /** All together as long as they are few and at one place; otherwise those who go in front. */
  private async planFront(): Promise<Planned> {
    const places = await this.places();
    const next = await this.facts.after(places.front, BATCH);
    if (next.length === 0) return { more: false, lane: 'front', begun: null };
    const listening = await this.listening();
    const lane = isSame(places) && listening.length < CROWD ? 'together' : 'front';
    const meant = lane === 'front' ? listening.filter(({ inFront }) => inFront) : listening;
    const { upTo, begun, tellings } = this.portionOf(lane, next, meant);
    await this.dispatcher.owe('event', tellings);
    if (upTo) await this.facts.advance(FRONT, upTo);
    if (upTo && lane === 'together') await this.facts.advance(ALL, upTo);
    return { more: next.length === BATCH || upTo !== next.at(-1), lane, begun };
  }

  /** Those who do not go in front, as far as those who do have come. */
  private async planRest(): Promise<Planned> {
    const places = await this.places();
    const nothing: Planned = { more: false, lane: 'rest', begun: null };
    if (isSame(places)) return nothing;
    const next = (await this.facts.after(places.all, BATCH)).filter((fact) => !isBefore(places.front, fact));
    if (next.length === 0) {
      await this.facts.advance(ALL, places.front);
      return nothing;
    }
    const listening = await this.listening();
    const meant = listening.filter(({ inFront }) => !inFront);
    const { upTo, begun, tellings } = this.portionOf('rest', next, meant);
    await this.dispatcher.owe('event', tellings);
    if (upTo) await this.facts.advance(ALL, upTo);
    return { more: true, lane: 'rest', begun };
  }

  private async places(): Promise<Places> {
    const all = await this.facts.positionOf(ALL);
    const front = await this.facts.positionOf(FRONT);
    // Before anybody ever went in front.
    return { all, front: isBefore(front, all) ? all : front };
  }

  private async listening(): Promise<Listening[]> {
    return (await this.webhooks.subscriptions()).map(({ id, eventTypes, filter, since, inFront }) => ({
      ...{ id, inFront },
      since: BigInt(since),
      matches: matcherOf(eventTypes, filter),
    }));
  }

  /**
   * Whoever is not well falls back at once: what was owed already is not owed twice. Whoever is well comes forward only
   * where nothing lies between the places: it would be told of later facts first. In a transaction of its own, for what is
   * owed locks webhooks in the order of their ids.
   */
  private async placeSometimes(): Promise<void> {
    if (performance.now() - this.placedAt < PLACES_EVERY) return;
    this.placedAt = performance.now();
    await this.db.transaction(async () => {
      if (await this.webhooks.lockPlan()) await this.webhooks.place(isSame(await this.places()));
    });
  }

  /** As many as one transaction may hold: it may end in the midst of a fact. */
  private portionOf(lane: Lane, next: readonly RecordedFact[], listening: readonly Listening[]): Portion {
    const begun = this.begun.get(lane);
    const tellings: Telling[] = [];
    let upTo: RecordedFact | null = null;
    for (const fact of next) {
      const after = begun?.eventId === fact.id ? begun.lastId : '';
      const owed = this.tellingsOf(fact, listening, after);
      const room = this.rows - tellings.length;
      if (owed.length > room && tellings.length > 0) break;
      tellings.push(...owed.slice(0, this.rows));
      if (owed.length > this.rows)
        return { tellings, upTo, begun: { eventId: fact.id, lastId: tellings.at(-1)!.webhookId } };
      upTo = fact;
    }
    return { tellings, upTo, begun: null };
  }

  private tellingsOf(fact: RecordedFact, listening: readonly Listening[], after: string): Telling[] {
    const xid = BigInt(fact.xid);
    const meant = listening.filter(({ id, since, matches }) => id > after && since <= xid && matches(fact));
    if (meant.length === 0) return [];
    const told = this.dispatcher.tell(fact);
    return meant.map(({ id: webhookId }) => ({ webhookId, told }));
  }
}

function isSame({ front, all }: Places): boolean {
  return front.xid === all.xid && front.seq === all.seq;
}

function isBefore(one: Position, other: Position): boolean {
  const [xid, otherXid] = [BigInt(one.xid), BigInt(other.xid)];
  return xid < otherXid || (xid === otherXid && BigInt(one.seq) < BigInt(other.seq));
}
