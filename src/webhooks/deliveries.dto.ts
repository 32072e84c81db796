import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { PageResponse } from '../platform/http/lists/list-query.js';
import { Id, JsonObject, ListOf, Moment, Nested, OneOf, Text, Whole } from '../platform/http/properties.js';
import type { Principal } from '../platform/http/principal.js';
import { headersOf } from './courier.js';
import { EVENTS_READ, urlFor } from './shown.js';
import { DELIVERY_ERRORS, DELIVERY_KINDS, DELIVERY_STATES } from './webhook-delivery.entity.js';
import type {
  DeliveryDetails,
  DeliveryError,
  DeliveryKind,
  DeliveryRow,
  DeliveryState,
  Try,
} from './webhook-delivery.entity.js';

const ID = '01a1fb89-a690-7530-90c7-ac334b01292e';
const MOMENT = '2026-11-21T10:00:00.000Z';
const MOST = 2_147_483_647;

const Status = (): PropertyDecorator =>
  Whole({ about: 'The status of the answer; null if none came', example: 204, min: 100, max: 999, nullable: true });
const WhyNot = (): PropertyDecorator =>
  Text({
    about: `Why it was not taken: ${DELIVERY_ERRORS.map((error) => `\`${error}\``).join(', ')}; null if it was`,
    example: null,
    max: 40,
    nullable: true,
  });
const Latency = (about: string): PropertyDecorator => Whole({ about, example: 42, min: 0, max: MOST, nullable: true });

@ApiSchema({ name: 'WebhookDelivery' })
export class DeliveryResponse {
  @Id({ about: 'The id (UUIDv7)', example: ID }) id!: string;
  @Id({ about: 'The webhook', example: ID }) webhookId!: string;
  @OneOf(DELIVERY_KINDS, 'WebhookDeliveryKind', { about: 'Why it is sent', example: 'event' }) kind!: DeliveryKind;
  @Id({ about: 'The replay that it is part of', example: null, nullable: true }) replayId!: string | null;
  @Id({ about: 'The event; also the `webhook-id`, the same in every try, replay and redelivery', example: ID })
  eventId!: string;
  @Text({ about: 'What happened', example: 'user.suspended', max: 200 }) eventType!: string;
  @Text({ about: 'To what', example: `users/${ID}`, max: 500, nullable: true }) subject!: string | null;
  @OneOf(DELIVERY_STATES, 'WebhookDeliveryState', {
    about: 'Where it stands; `dead` is not tried any more',
    example: 'delivered',
  })
  state!: DeliveryState;
  @Whole({ about: 'How often it was tried', example: 1, min: 0, max: MOST }) attempts!: number;
  @Moment({
    about: 'When it is tried next; null if it is not, or waits for an earlier one about the same subject',
    example: null,
    nullable: true,
  })
  nextAttemptAt!: string | null;
  @Moment({ about: 'When it was last tried', example: MOMENT, nullable: true }) lastAttemptAt!: string | null;
  @Status() status!: number | null;
  @WhyNot() error!: DeliveryError | null;
  @Latency('How long the last try took, in milliseconds') latencyMs!: number | null;
  @Moment({ about: 'When it was owed', example: MOMENT }) createdAt!: string;

  static from(row: DeliveryRow): DeliveryResponse {
    const { id, webhookId, kind, replayId, eventId, eventType, subject, state, attempts } = row;
    const { status, error, latencyMs } = row;
    return {
      ...{ id, webhookId, kind, replayId, eventId, eventType, subject, state, attempts },
      nextAttemptAt: state === 'waiting' ? nextOf(row) : null,
      lastAttemptAt: row.lastAttemptAt?.toISOString() ?? null,
      ...{ status, error, latencyMs },
      createdAt: row.createdAt.toISOString(),
    };
  }
}

/** What goes before all others is due since long ago: since it was owed, that is. */
function nextOf({ nextAttemptAt, createdAt }: DeliveryRow): string | null {
  return nextAttemptAt && (nextAttemptAt < createdAt ? createdAt : nextAttemptAt).toISOString();
}

export const DELIVERY_FIELDS: readonly string[] = [
  ...['id', 'webhookId', 'kind', 'replayId', 'eventId', 'eventType', 'subject', 'state', 'attempts'],
  ...['nextAttemptAt', 'lastAttemptAt', 'status', 'error', 'latencyMs', 'createdAt'],
];

@ApiSchema({ name: 'WebhookDeliveryPage' })
export class DeliveryPageResponse {
  @ListOf(() => DeliveryResponse, 'The deliveries of this page') data!: DeliveryResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}

@ApiSchema({ name: 'WebhookRequest' })
export class SentResponse {
  @Text({
    about:
      'Where the last try went; null before the first. Whole for whoever holds `webhooks:write`, for others the server alone',
    example: null,
    max: 2000,
    nullable: true,
  })
  url!: string | null;
  @JsonObject({
    about: 'What the last try said of itself, but for the signature',
    example: { 'content-type': 'application/cloudevents+json; charset=utf-8', 'webhook-id': ID },
    maxBytes: 4096,
  })
  headers!: object;
  @Text({
    about: 'The event as JSON (CloudEvents 1.0), byte for byte; null for whoever does not hold `events:read`',
    example: `{"specversion":"1.0","id":"${ID}","type":"user.suspended"}`,
    max: 1_048_576,
    nullable: true,
  })
  body!: string | null;

  static from({ eventId, body, sentTo, lastAttemptAt }: DeliveryDetails, { permissions }: Principal): SentResponse {
    const timestamp = lastAttemptAt && Math.floor(lastAttemptAt.getTime() / 1000);
    return {
      url: sentTo && urlFor(permissions, sentTo),
      headers: timestamp === null ? {} : headersOf({ id: eventId, timestamp }),
      body: permissions.has(EVENTS_READ) ? body : null,
    };
  }
}

@ApiSchema({ name: 'WebhookAnswer' })
export class AnswerResponse {
  @Whole({ about: 'The status', example: 204, min: 100, max: 999 }) status!: number;
  @JsonObject({
    about: 'Of its headers those that hold no secrets',
    example: { 'content-type': 'text/plain' },
    maxBytes: 16_384,
  })
  headers!: object;
  @Text({ about: 'The first 4 KB of the body', example: 'ok', max: 4096 }) body!: string;

  static from({ status, answerHeaders, answerBody }: DeliveryDetails): AnswerResponse | null {
    return status === null ? null : { status, headers: answerHeaders ?? {}, body: answerBody ?? '' };
  }
}

@ApiSchema({ name: 'WebhookTry' })
export class TryResponse {
  @Moment({ about: 'When', example: MOMENT }) at!: string;
  @Status() status!: number | null;
  @WhyNot() error!: DeliveryError | null;
  @Whole({ about: 'How long it took, in milliseconds', example: 42, min: 0, max: MOST }) latencyMs!: number;

  static from({ at, status, error, latencyMs }: Try): TryResponse {
    return { at, status, error, latencyMs };
  }
}

@ApiSchema({ name: 'WebhookDeliveryDetails' })
export class DeliveryDetailsResponse extends DeliveryResponse {
  @ApiProperty({ type: () => SentResponse, description: 'What is sent' }) request!: SentResponse;
  @Nested(() => AnswerResponse, {
    about: 'What the last try was answered; null if no answer came',
    example: null,
    nullable: true,
  })
  answer!: AnswerResponse | null;
  @ListOf(() => TryResponse, 'Every try, the first first') tries!: TryResponse[];

  static of(row: DeliveryDetails, reader: Principal): DeliveryDetailsResponse {
    const tries = row.tries.map((each) => TryResponse.from(each));
    return {
      ...DeliveryResponse.from(row),
      request: SentResponse.from(row, reader),
      answer: AnswerResponse.from(row),
      tries,
    };
  }
}
