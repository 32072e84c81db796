import { Injectable } from '@nestjs/common';

import { Events, Facts } from '../events/index.js';
import type { RecordedFact } from '../events/index.js';
import { Jobs, defineJob } from '../jobs/index.js';
import type { JobRun } from '../jobs/index.js';
import { Clock } from '../platform/clock/clock.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { Dispatcher } from './dispatcher.js';
import { matcherOf, matcherOfTypes } from './subscription.js';
import type { Matcher } from './subscription.js';
import type { WebhookRow } from './webhook.entity.js';
import { WebhookDisabled, WebhookNotFound, WebhookReplayed } from './webhooks.contract.js';
import { WebhooksRepository } from './webhooks.repository.js';

/** Which facts are told once more: of a span of time, and of these kinds, if they are of those that the webhook listens to. */
export interface Range {
  readonly from: Date;
  readonly to: Date;
  readonly types: readonly string[] | null;
}

export interface Replay {
  /** Null for a dry run, as is the job that makes the deliveries. */
  readonly replayId: string | null;
  readonly jobId: string | null;
  readonly matching: number;
  /** There are more: the count stopped there. */
  readonly isMore: boolean;
}

interface Owed {
  readonly replayId: string;
  readonly webhookId: string;
  readonly from: string;
  readonly to: string;
  readonly types: readonly string[] | null;
}

const ReplayWebhook = defineJob<Owed>('webhooks.replay', { maxAttempts: 10, isLong: true });
const DRY = { replayId: null, jobId: null };
const PAGE = 500;
/** A count reads no further than this. */
const READ_AT_MOST = 20_000;

/** Facts that are told once more. */
@Injectable()
export class Replays {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly facts: Facts,
    private readonly webhooks: WebhooksRepository,
    private readonly dispatcher: Dispatcher,
    private readonly jobs: Jobs,
  ) {
    jobs.work(ReplayWebhook, (owed, run) => this.replay(owed, run));
  }

  /** Counts what would be told once more. @throws WebhookNotFound, ValidationFailed */
  async count(webhookId: string, range: Range): Promise<Replay> {
    refuseBackwards(range);
    const matches = matcherIn(await this.get(webhookId), range);
    let [matching, read] = [0, 0];
    for await (const facts of this.pages(range)) {
      matching += facts.filter(matches).length;
      read += facts.length;
      if (read >= READ_AT_MOST) return { ...DRY, matching, isMore: true };
    }
    return { ...DRY, matching, isMore: false };
  }

  /** Owes the deliveries to a job. @throws WebhookNotFound, WebhookDisabled, ValidationFailed */
  async begin(webhookId: string, range: Range): Promise<Replay> {
    const counted = await this.count(webhookId, range);
    return this.db.transaction(async () => {
      // Locked: facts of a webhook are in the order of its versions.
      const webhook = await this.webhooks.lock(webhookId);
      if (!webhook) throw new WebhookNotFound();
      if (webhook.disabledAt) throw new WebhookDisabled();
      const [replayId, { from, types }] = [newId(), range];
      const to = new Date(Math.min(range.to.getTime(), this.clock.millis()));
      const jobId = await this.jobs.enqueue(ReplayWebhook, {
        ...{ replayId, webhookId, types },
        ...{ from: from.toISOString(), to: to.toISOString() },
      });
      const circumstances = { subject: `webhooks/${webhookId}`, version: webhook.version, after: { types } };
      this.events.record(WebhookReplayed, { webhookId, replayId, from, to }, circumstances);
      return { ...counted, replayId, jobId };
    });
  }

  /** From the beginning, however often it is begun: of each fact one delivery. */
  private async replay({ replayId, webhookId, from, to, types }: Owed, run: JobRun): Promise<void> {
    const webhook = await this.webhooks.find(webhookId);
    if (!webhook) return;
    const range = { from: new Date(from), to: new Date(to), types };
    const matches = matcherIn(webhook, range);
    let done = 0;
    for await (const facts of this.pages(range)) {
      run.signal.throwIfAborted();
      const tellings = facts.filter(matches).map((fact) => ({ webhookId, told: this.dispatcher.tell(fact) }));
      await run.transaction(() => this.dispatcher.owe('replay', tellings, replayId));
      run.progress((done += tellings.length), null);
    }
  }

  private async *pages({ from, to }: Range): AsyncGenerator<RecordedFact[]> {
    for (let after: string | null = null; ;) {
      const facts: RecordedFact[] = await this.facts.between({ from, to }, after, PAGE);
      if (facts.length > 0) yield facts;
      if (facts.length < PAGE) return;
      after = facts.at(-1)!.id;
    }
  }

  private async get(id: string): Promise<WebhookRow> {
    const webhook = await this.webhooks.find(id);
    if (!webhook) throw new WebhookNotFound();
    return webhook;
  }
}

function matcherIn({ eventTypes, filter }: WebhookRow, { types }: Range): Matcher {
  const listens = matcherOf(eventTypes, filter);
  if (types === null) return listens;
  const isWanted = matcherOfTypes(types);
  return (fact) => isWanted(fact.type) && listens(fact);
}

/** @throws ValidationFailed */
function refuseBackwards({ from, to }: Range): void {
  if (from >= to) throw refusal([{ pointer: '/to', code: 'range_backwards', detail: 'must be later than `from`' }]);
}
