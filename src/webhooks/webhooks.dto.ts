import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { PageResponse } from '../platform/http/lists/list-query.js';
import { Flag, Id, ListOf, Moment, OneOf, Text, TextList, Whole } from '../platform/http/properties.js';
import type { Principal } from '../platform/http/principal.js';
import type { Range, Replay } from './replays.service.js';
import { urlFor } from './shown.js';
import { EVENT_PATTERN } from './subscription.js';
import { DISABLED_REASONS, ORDERS, WEBHOOK_STATES } from './webhook.entity.js';
import type { DisabledReason, Order, WebhookRow, WebhookState } from './webhook.entity.js';
import type { MadeWebhook, Terms } from './webhooks.service.js';

const ID = '01a1fb89-a690-7530-90c7-ac334b01292e';
const MOMENT = '2026-11-21T10:00:00.000Z';
const URL_EXAMPLE = 'https://hooks.customer.example/roster';
const DAY = 86_400;

interface Presence {
  readonly optional?: boolean;
  readonly nullable?: boolean;
}

const Url = (presence: Presence = {}): PropertyDecorator =>
  Text({
    about:
      'Where it is sent: https (http too, where production allows it), no user name, no fragment. Whoever does not hold `webhooks:write` is shown the server alone',
    example: URL_EXAMPLE,
    min: 1,
    max: 2000,
    pattern: /^[^\s\p{Cc}]+$/u,
    format: 'uri',
    ...presence,
  });
const EventTypes = (presence: Presence = {}): PropertyDecorator =>
  TextList({
    about: 'Kinds of events: `user.created`, all that begin alike by `user.*`, or all by `*`',
    example: ['user.*'],
    max: 100,
    minItems: 1,
    maxItems: 100,
    pattern: EVENT_PATTERN,
    ...presence,
  });
const Filter = (presence: Presence = {}): PropertyDecorator =>
  Text({
    about: 'Of these only those that match: the grammar of lists over `type` and `subject`',
    example: null,
    min: 1,
    max: 2000,
    nullable: true,
    ...presence,
  });
const Description = (presence: Presence = {}): PropertyDecorator =>
  Text({
    about: 'What it is for',
    example: null,
    max: 500,
    pattern: /^(?!\s)[^\p{Cc}\u2028\u2029]*$/u,
    says: 'must be one line that does not begin with a space',
    nullable: true,
    ...presence,
  });
const Ordered = (presence: Presence = {}): PropertyDecorator =>
  OneOf(ORDERS, 'WebhookOrder', {
    about: '`subject`: the next event about a subject waits until the one before it was taken, or is dead',
    example: 'none',
    ...presence,
  });
const State = (presence: Presence = {}): PropertyDecorator =>
  OneOf(WEBHOOK_STATES, 'WebhookState', {
    about: 'While it is disabled nothing is sent; what happens waits as long as deliveries are kept',
    example: 'enabled',
    ...presence,
  });

@ApiSchema({ name: 'CreateWebhookRequest' })
@Examples({
  'About users': { url: URL_EXAMPLE, eventTypes: ['user.*'] },
  'In the order of each subject': {
    url: URL_EXAMPLE,
    eventTypes: ['user.created', 'user.suspended', 'user.deleted'],
    ordered: 'subject',
    description: 'Keeps the directory of a customer',
  },
  'About one user': { url: URL_EXAMPLE, eventTypes: ['*'], filter: `subject eq "users/${ID}"` },
})
export class CreateWebhookRequest {
  @Url() url!: string;
  @EventTypes() eventTypes!: string[];
  @Filter({ optional: true }) filter?: string | null;
  @Description({ optional: true }) description?: string | null;
  @Ordered({ optional: true }) ordered?: Order;

  terms(): Terms {
    const { url, eventTypes, filter = null, description = null, ordered = 'none' } = this;
    return { url, eventTypes, filter, description, ordered };
  }
}

@ApiSchema({ name: 'PatchWebhookRequest' })
@Examples({
  'Another server': { url: 'https://hooks.customer.example/roster/v2' },
  'Send nothing for a while': { state: 'disabled' },
  'Send again': { state: 'enabled' },
})
export class PatchWebhookRequest {
  @Url({ optional: true }) url?: string;
  @EventTypes({ optional: true }) eventTypes?: string[];
  @Filter({ optional: true }) filter?: string | null;
  @Description({ optional: true }) description?: string | null;
  @Ordered({ optional: true }) ordered?: Order;
  @State({ optional: true }) state?: WebhookState;
}

@ApiSchema({ name: 'Webhook' })
export class WebhookResponse {
  @Id({ about: 'The id (UUIDv7)', example: ID }) id!: string;
  @Url() url!: string;
  @EventTypes() eventTypes!: string[];
  @Filter() filter!: string | null;
  @Description() description!: string | null;
  @Ordered() ordered!: Order;
  @State() state!: WebhookState;
  @Text({
    about: `Why it is disabled: ${DISABLED_REASONS.map((reason) => `\`${reason}\``).join(', ')}`,
    example: null,
    max: 20,
    nullable: true,
  })
  disabledReason!: DisabledReason | null;
  @Moment({ about: 'When it was disabled', example: null, nullable: true }) disabledAt!: string | null;
  @Moment({ about: 'Since when nothing was taken; null if the last was', example: null, nullable: true })
  failingSince!: string | null;
  @Moment({ about: 'When something was last taken, to the minute', example: null, nullable: true })
  lastSuccessAt!: string | null;
  @Moment({ about: 'Until when the secret before signs too', example: null, nullable: true })
  previousSecretUntil!: string | null;
  @Moment({ about: 'When it was made', example: MOMENT }) createdAt!: string;
  @Id({ about: 'Who made it, and is told by mail if it is disabled by itself', example: ID }) createdBy!: string;
  @Whole({ about: 'Rises with every change; also in the ETag', example: 1, min: 1, max: 2_147_483_647 })
  version!: number;

  static from(row: WebhookRow, { permissions }: Principal): WebhookResponse {
    const { id, eventTypes, filter, description, ordered, disabledReason, createdBy, version } = row;
    return {
      ...{ id, url: urlFor(permissions, row.url), eventTypes, filter, description, ordered },
      state: row.disabledAt === null ? 'enabled' : 'disabled',
      disabledReason,
      disabledAt: row.disabledAt?.toISOString() ?? null,
      failingSince: row.failingSince?.toISOString() ?? null,
      lastSuccessAt: row.lastSuccessAt?.toISOString() ?? null,
      previousSecretUntil: row.previousSecretUntil?.toISOString() ?? null,
      createdAt: row.createdAt.toISOString(),
      createdBy,
      version,
    };
  }
}

export const WEBHOOK_FIELDS: readonly string[] = [
  ...['id', 'url', 'eventTypes', 'filter', 'description', 'ordered', 'state', 'disabledReason', 'disabledAt'],
  ...['failingSince', 'lastSuccessAt', 'previousSecretUntil', 'createdAt', 'createdBy', 'version'],
];

@ApiSchema({ name: 'NewWebhook' })
export class NewWebhookResponse extends WebhookResponse {
  @Text({
    about: 'By which deliveries are signed (Standard Webhooks). Shown this once: nobody can read it again',
    example: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
    max: 50,
  })
  secret!: string;

  static of({ webhook, secret }: MadeWebhook, maker: Principal): NewWebhookResponse {
    return { ...WebhookResponse.from(webhook, maker), secret };
  }
}

@ApiSchema({ name: 'WebhookPage' })
export class WebhookPageResponse {
  @ListOf(() => WebhookResponse, 'The webhooks of this page') data!: WebhookResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}

@ApiSchema({ name: 'RotateWebhookSecretRequest' })
@Examples({ 'With a day to change over': {}, 'At once: the present one is known to others': { overlapSeconds: 0 } })
export class RotateWebhookSecretRequest {
  @Whole({
    about: 'For how long the present secret signs beside the new one; a day, if it is left out',
    example: DAY,
    min: 0,
    max: 7 * DAY,
    optional: true,
  })
  overlapSeconds?: number;

  overlap(): number {
    return (this.overlapSeconds ?? DAY) * 1000;
  }
}

@ApiSchema({ name: 'ReplayWebhookRequest' })
@Examples({
  'How many there would be': { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z', dryRun: true },
  'One kind, up to now': { from: '2026-01-01T00:00:00Z', types: ['user.created'] },
})
export class ReplayWebhookRequest {
  @Moment({ about: 'Events from then on', example: '2026-01-01T00:00:00Z' }) from!: string;
  @Moment({ about: 'Events before then; now, if it is left out', example: '2026-02-01T00:00:00Z', optional: true })
  to?: string;
  @TextList({
    about: 'Of those that the webhook listens to only these kinds; all, if they are left out',
    example: ['user.created'],
    max: 100,
    minItems: 1,
    maxItems: 100,
    pattern: EVENT_PATTERN,
    optional: true,
  })
  types?: string[];
  @Flag({ about: 'Count only', example: true, optional: true }) dryRun?: boolean;

  range(now: Date): Range {
    return {
      from: new Date(this.from),
      to: this.to === undefined ? now : new Date(this.to),
      types: this.types ?? null,
    };
  }
}

@ApiSchema({ name: 'WebhookReplay' })
export class WebhookReplayResponse {
  @Id({ about: 'Its deliveries have this `replayId`; null for a dry run', example: null, nullable: true })
  replayId!: string | null;
  @Id({ about: 'The job that makes them; null for a dry run', example: null, nullable: true })
  jobId!: string | null;
  @Whole({ about: 'How many events match', example: 42, min: 0, max: 1_000_000 }) matching!: number;
  @Flag({ about: 'There are more: the count stopped there', example: false }) isMore!: boolean;

  static from({ replayId, jobId, matching, isMore }: Replay): WebhookReplayResponse {
    return { replayId, jobId, matching, isMore };
  }
}
