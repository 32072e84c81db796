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

const READER = 'webhooks';
/** Facts of one step, unless many webhooks listen: then fewer, so that no step writes more rows than this. */
const BATCH = 500;
const ROWS = 10_000;
/** From so many on, those who are well come first. */
const CROWD = 200;
/** Somebody waits for each of them. Milliseconds. */
const GATHERS_FOR = 5;

/** What somebody listens to, ready to be asked of every fact. */
interface Listening {
  readonly id: string;
  readonly since: bigint;
  readonly isWell: boolean;
  readonly matches: Matcher;
}

/** Owes each fact to the webhooks that listen to it: one delivery for each, in the order of the commits. */
@Injectable()
export class Planner {
  /** How many listened when it last looked. */
  private crowd = 0;

  constructor(
    private readonly db: Database,
    private readonly facts: Facts,
    private readonly webhooks: WebhooksRepository,
    private readonly dispatcher: Dispatcher,
    followers: Followers,
  ) {
    followers.add({ name: READER, step: () => this.step(), gathersFor: GATHERS_FOR });
  }

  /** Whoever is well does not wait for the rows of all others, of which a crowd has many. @returns whether there may be more */
  private async step(): Promise<boolean> {
    if (this.crowd >= CROWD) await this.db.transaction(() => this.plan({ ahead: true }));
    return this.db.transaction(() => this.plan({ ahead: false }));
  }

  /**
   * Deliveries and where the planner stands are one transaction.
   * @param ahead only to those who are well; the planner stays where it is, and what is owed already is not owed twice
   */
  private async plan({ ahead }: { readonly ahead: boolean }): Promise<boolean> {
    if (!(await this.webhooks.lockPlan())) return false;
    const next = await this.facts.after(await this.facts.positionOf(READER), BATCH);
    if (next.length === 0) return false;
    const listening = (await this.webhooks.subscriptions()).map(readied);
    this.crowd = listening.length;
    const facts = next.slice(0, Math.max(1, Math.floor(ROWS / Math.max(1, listening.length))));
    const meant = ahead ? listening.filter(({ isWell }) => isWell) : listening;
    await this.dispatcher.owe(
      'event',
      facts.flatMap((fact) => this.tellingsOf(fact, meant)),
    );
    if (!ahead) await this.facts.advance(READER, facts.at(-1)!);
    return next.length === BATCH || facts.length < next.length;
  }

  private tellingsOf(fact: RecordedFact, listening: readonly Listening[]): Telling[] {
    const xid = BigInt(fact.xid);
    const meant = listening.filter(({ since, matches }) => since <= xid && matches(fact));
    if (meant.length === 0) return [];
    const told = this.dispatcher.tell(fact);
    return meant.map(({ id: webhookId }) => ({ webhookId, told }));
  }
}

function readied({ id, eventTypes, filter, since, isWell }: Subscription): Listening {
  return { id, isWell, since: BigInt(since), matches: matcherOf(eventTypes, filter) };
}
