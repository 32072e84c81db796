import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { OUTCOMES, dataSchemaOf, eventTypes } from '../platform/contract/event.js';
import type { Outcome } from '../platform/contract/event.js';
import { PageResponse } from '../platform/http/lists/list-query.js';
import { Id, JsonObject, ListOf, Moment, OneOf, Text, Whole } from '../platform/http/properties.js';
import type { CloudEvent } from './cloud-event.js';

const ADA = '01a1fb89-a690-7530-90c7-ac334b01292e';
const DATA_BYTES = 1_048_576;

@ApiSchema({ name: 'CloudEvent' })
export class CloudEventResponse implements CloudEvent {
  @Text({ about: 'The version of CloudEvents', example: '1.0', max: 3 }) specversion!: '1.0';
  @Id({ about: 'Its id (UUIDv7), the same in every feed', example: '01a1fb89-a690-7530-90c7-ac334b01292f' })
  id!: string;
  @Text({ about: 'Where it happened: the public URL of this server', example: 'https://id.example.com', max: 2048 })
  source!: string;
  @Text({ about: 'What happened', example: 'user.suspended', max: 200 }) type!: string;
  @Text({ about: 'What it happened to', example: `users/${ADA}`, max: 500, optional: true }) subject?: string;
  @Moment({ about: 'When', example: '2026-11-21T10:00:00.000Z' }) time!: string;
  @Text({ about: 'The form of `data`', example: 'application/json', max: 16 }) datacontenttype!: 'application/json';
  @JsonObject({
    about: 'The fact itself, as the schema of its type says; ids, and nothing personal',
    example: { userId: ADA, until: null },
    maxBytes: DATA_BYTES,
  })
  data!: object;
  @Whole({ about: 'The version of the subject afterwards', example: 2, min: 0, max: 2_147_483_647, optional: true })
  subjectversion?: number;
  @Text({
    about: 'Its place in the order of commits; compares as text does',
    example: '0000000000002f1a-000000000000002a',
    min: 33,
    max: 33,
  })
  sequence!: string;
}

export const EVENT_FIELDS: readonly (keyof CloudEvent)[] = [
  ...(['specversion', 'id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'data'] as const),
  ...(['subjectversion', 'sequence'] as const),
];

@ApiSchema({ name: 'EventPage' })
export class EventPageResponse {
  @ListOf(() => CloudEventResponse, 'The events of this page') data!: CloudEventResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands; it always leads on' }) page!: PageResponse;
}

@ApiSchema({ name: 'EventType' })
export class EventTypeResponse {
  @Text({ about: 'Its name, which never changes', example: 'user.suspended', max: 200 }) type!: string;
  @Text({ about: 'What it tells', example: 'A user was suspended', max: 500 }) about!: string;
  @OneOf(OUTCOMES, 'EventOutcome', { about: 'Whether what somebody wanted was done', example: 'success' })
  outcome!: Outcome;
  @JsonObject({
    about: 'The JSON Schema (2020-12) of its `data`',
    example: {
      type: 'object',
      properties: { userId: { type: 'string', format: 'uuid' } },
      required: ['userId'],
      additionalProperties: false,
    },
    maxBytes: DATA_BYTES,
  })
  schema!: object;
}

@ApiSchema({ name: 'EventTypes' })
export class EventTypesResponse {
  @ListOf(() => EventTypeResponse, 'Every type that this server knows, in order of the names')
  data!: EventTypeResponse[];

  static promised(): EventTypesResponse {
    const data = [...eventTypes.values()].sort((one, other) => (one.type < other.type ? -1 : 1));
    return {
      data: data.map((event) => {
        const { type, about, outcome } = event;
        return { type, about, outcome, schema: dataSchemaOf(event) };
      }),
    };
  }
}
