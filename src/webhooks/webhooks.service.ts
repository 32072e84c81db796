import { isDeepStrictEqual } from 'node:util';

import { Injectable } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Clock } from '../platform/clock/clock.js';
import type { FieldFault } from '../platform/contract/problem.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { ListQueryInvalid } from '../platform/http/lists/list-query-invalid.js';
import { refuseStale } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import type { Principal } from '../platform/http/principal.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { Destinations } from './destinations.js';
import { Lines } from './lines.service.js';
import { Sender } from './sender.js';
import { checkFilter, isKnownPattern } from './subscription.js';
import type { Order, Webhook, WebhookRow, WebhookState } from './webhook.entity.js';
import { WebhookSecrets } from './webhook-secrets.js';
import {
  TooManyWebhooks,
  WebhookChanged,
  WebhookCreated,
  WebhookDeleted,
  WebhookEnabled,
  WebhookNotFound,
  WebhookSecretRotated,
  WebhookWasDisabled,
} from './webhooks.contract.js';
import { WebhooksRepository } from './webhooks.repository.js';

const MOST = 5000;

/** What people say of a webhook. */
export interface Terms {
  readonly url: string;
  readonly eventTypes: string[];
  readonly filter: string | null;
  readonly description: string | null;
  readonly ordered: Order;
}

export type Change = Partial<Terms> & { readonly state?: WebhookState };

/** A webhook and, this once, its secret. */
export interface MadeWebhook {
  readonly webhook: WebhookRow;
  readonly secret: string;
}

@Injectable()
export class Webhooks {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly webhooks: WebhooksRepository,
    private readonly secrets: WebhookSecrets,
    private readonly destinations: Destinations,
    private readonly sender: Sender,
    private readonly lines: Lines,
  ) {}

  /** @throws WebhookNotFound */
  async get(id: string): Promise<WebhookRow> {
    const webhook = await this.webhooks.find(id);
    if (!webhook) throw new WebhookNotFound();
    return webhook;
  }

  /** @throws ValidationFailed, TooManyWebhooks */
  create(terms: Terms, maker: Principal): Promise<MadeWebhook> {
    this.refuseFaults(terms);
    return this.db.transaction(async () => {
      if ((await this.webhooks.lockCount()) >= MOST) throw new TooManyWebhooks();
      const id = newId();
      const { secret, sealed } = this.secrets.make(id);
      const row: WebhookRow = {
        ...terms,
        id,
        ...{
          previousSecretUntil: null,
          disabledAt: null,
          disabledReason: null,
          failingSince: null,
          lastSuccessAt: null,
        },
        createdAt: this.clock.now(),
        createdBy: whoIs(maker),
        version: 1,
      };
      await this.webhooks.insert({
        ...row,
        ...UNTRIED,
        keeperId: row.createdBy,
        secret: sealed,
        previousSecret: null,
        inFront: false,
        deletedAt: null,
      });
      this.events.record(WebhookCreated, { webhookId: id }, { ...about(row), after: terms });
      return { webhook: row, secret };
    });
  }

  /** Changes the members that are given. @throws WebhookNotFound, PreconditionFailed, ValidationFailed */
  change(id: string, { state, ...given }: Change, expected: Versions, by: Principal): Promise<WebhookRow> {
    this.refuseFaults(given);
    return this.db.transaction(async () => {
      const webhook = await this.lock(id, expected);
      const members = MEMBERS.filter((name) => name in given && !isDeepStrictEqual(webhook[name], given[name]));
      const isOtherState = state !== undefined && (state === 'enabled') !== (webhook.disabledAt === null);
      if (members.length === 0 && !isOtherState) return this.get(id);
      const version = webhook.version + 1;
      const before = pick(webhook, members);
      await this.webhooks.update({
        id,
        ...pick(given, members),
        ...(members.includes('url') ? ELSEWHERE : {}),
        ...(isOtherState ? this.turned(state) : {}),
        ...(members.includes('url') || (isOtherState && state === 'enabled') ? { keeperId: whoIs(by) } : {}),
        version,
      });
      if (members.includes('ordered') && given.ordered === 'none') await this.lines.dissolve(id);
      const circumstances = { ...about({ id, version }), before, after: pick(given, members) };
      if (members.length > 0) this.events.record(WebhookChanged, { webhookId: id, members }, circumstances);
      if (isOtherState) this.tellState(id, state, version);
      return this.get(id);
    });
  }

  /** What is on its way may still arrive. @throws WebhookNotFound, PreconditionFailed */
  async delete(id: string, expected: Versions): Promise<void> {
    await this.db.transaction(async () => {
      const webhook = await this.lock(id, expected);
      const version = webhook.version + 1;
      await this.webhooks.update({ id, deletedAt: this.clock.now(), version });
      this.events.record(
        WebhookDeleted,
        { webhookId: id },
        { ...about({ id, version }), before: pick(webhook, MEMBERS) },
      );
    });
  }

  /**
   * A new secret. The present one signs beside it until the overlap ends; one that did so already is void.
   * @param overlap milliseconds @throws WebhookNotFound
   */
  rotateSecret(id: string, overlap: number): Promise<MadeWebhook> {
    return this.db.transaction(async () => {
      const webhook = await this.lock(id, null);
      const { secret, sealed } = this.secrets.make(id);
      const overlapUntil = new Date(this.clock.millis() + overlap);
      const version = webhook.version + 1;
      const previous = { previousSecret: webhook.secret, previousSecretUntil: overlapUntil };
      await this.webhooks.update({ id, secret: sealed, ...previous, version });
      this.events.record(WebhookSecretRotated, { webhookId: id, overlapUntil }, about({ id, version }));
      return { webhook: await this.get(id), secret };
    });
  }

  private async lock(id: string, expected: Versions): Promise<Webhook> {
    const webhook = await this.webhooks.lock(id);
    if (!webhook) throw new WebhookNotFound();
    refuseStale(webhook, expected);
    return webhook;
  }

  /** Enabled, it is given time again, and what waits is sent. */
  private turned(state: WebhookState): Partial<Webhook> {
    if (state === 'disabled') return { disabledAt: this.clock.now(), disabledReason: 'by_hand' };
    this.db.afterCommit(() => this.sender.tell());
    return { disabledAt: null, disabledReason: null, ...UNTRIED };
  }

  private tellState(id: string, state: WebhookState, version: number): void {
    const circumstances = about({ id, version });
    if (state === 'enabled') this.events.record(WebhookEnabled, { webhookId: id }, circumstances);
    else this.events.record(WebhookWasDisabled, { webhookId: id, reason: 'by_hand' }, circumstances);
  }

  /** @throws ValidationFailed for all that is wrong with what is given */
  private refuseFaults({ url, eventTypes = [], filter }: Partial<Terms>): void {
    const unknown = eventTypes.filter((pattern) => !isKnownPattern(pattern));
    const ofUrl = url === undefined ? null : this.destinations.faultOf(url);
    const ofFilter = filter === undefined || filter === null ? null : faultIn(filter);
    const faults: FieldFault[] = [
      ...(ofUrl ? [{ pointer: '/url', ...ofUrl }] : []),
      ...(ofFilter ? [{ pointer: '/filter', ...ofFilter }] : []),
      ...(unknown.length > 0 ? [{ pointer: '/eventTypes', ...UNKNOWN_TYPE }] : []),
    ];
    if (faults.length > 0) throw refusal(faults);
  }
}

const UNTRIED = { failingSince: null, lastFailureAt: null, failedHours: 0 };
/** What became of deliveries to another server says nothing of this one. */
const ELSEWHERE = { ...UNTRIED, lastSuccessAt: null };
const MEMBERS = ['url', 'eventTypes', 'filter', 'description', 'ordered'] as const;
const UNKNOWN_TYPE = { code: 'event_type_unknown', detail: 'names a kind of event that does not exist' };

function whoIs({ actorId, userId }: Principal): string {
  return actorId ?? userId;
}

function faultIn(filter: string): Omit<FieldFault, 'pointer'> | null {
  try {
    checkFilter(filter);
    return null;
  } catch (error) {
    if (error instanceof ListQueryInvalid) return { code: error.code, detail: error.detail };
    throw error;
  }
}

function about({ id, version }: { readonly id: string; readonly version: number }): {
  subject: string;
  version: number;
} {
  return { subject: `webhooks/${id}`, version };
}

function pick<T extends object, K extends keyof T>(from: T, members: readonly K[]): Pick<T, K> {
  return Object.fromEntries(members.map((member) => [member, from[member]])) as Pick<T, K>;
}
