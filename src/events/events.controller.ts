import { Controller, Get, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { onlyFields, parseFields } from '../platform/http/lists/fields.js';
import { listing } from '../platform/http/lists/listing.js';
import { ApiList, List } from '../platform/http/lists/list-query.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { PathId } from '../platform/http/parameters.js';
import { Authenticated, Requires } from '../platform/http/policy.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { StreamOperation, openStream } from '../platform/http/sse.js';
import { STREAM_EXAMPLE } from './event-example.js';
import { EVENT_FILTERS } from './event-filter.js';
import { EventFeeds } from './event-feeds.service.js';
import type { Following } from './event-feeds.service.js';
import { EventNotFound, EventPositionGone, ReadEvents } from './events.contract.js';
import { CloudEventResponse, EVENT_FIELDS, EventPageResponse, EventTypesResponse } from './events.dto.js';
import { EVENT_SORTS, EventsList } from './events.list.js';
import { ApiFollow, Follow } from './events.parameters.js';

@ApiTags('events')
@Controller('api/v1/events')
export class EventsController {
  constructor(
    private readonly lists: EventsList,
    private readonly feeds: EventFeeds,
  ) {}

  @Get()
  @Requires(ReadEvents)
  @ApiList({
    sortable: EVENT_SORTS,
    filterable: EVENT_FILTERS,
    filterExample: 'type sw "user." and time gt "2026-01-01T00:00:00Z"',
    fieldsExample: 'id,type,subject,time',
    onlyAscending: true,
  })
  @ApiProblems(FilterTooCostly, EventPositionGone)
  @Operation(
    'events.list',
    'List events',
    { status: 200, about: 'A page of CloudEvents, the oldest first', type: EventPageResponse },
    `The oldest first, in the order of their commits: an event that is committed late is never behind a cursor that was given before.
There is always a \`nextCursor\`; where the page is not full, ask again with it when there may be more. \`type eq\` and \`subject eq\`
are served by an index; other filters take longer where few events match. Events are kept for \`EVENTS_RETENTION\`:
to a cursor beyond which some are gone already the answer is 410.`,
  )
  async list(@List() query: ListQuery): Promise<EventPageResponse> {
    const fields = parseFields(query.fields, EVENT_FIELDS);
    return listing(
      query,
      (page) => this.lists.page(page),
      (fact) => onlyFields(this.feeds.show(fact), fields),
    );
  }

  @Get('types')
  @Authenticated()
  @Operation('events.types', 'List the types of events', {
    status: 200,
    about: 'Every type, with the JSON Schema of its data',
    type: EventTypesResponse,
  })
  types(): EventTypesResponse {
    return EventTypesResponse.promised();
  }

  @Get('stream')
  @Requires(ReadEvents)
  @ApiFollow('type sw "user."')
  @ApiProblems(EventPositionGone)
  @StreamOperation(
    'events.stream',
    'Follow events',
    { about: 'A message for each event, as it is committed', example: STREAM_EXAMPLE },
    `The \`data\` of each message is a CloudEvent, its \`id\` that of the event; messages have no name, so that \`onmessage\` gets them all.
From now on, unless \`Last-Event-ID\` or \`after\` says from where. An event comes once on one connection, and in the order of commits;
whoever comes again is told what came meanwhile. Whoever does not read is cut off, and so is a token that ends.`,
  )
  async stream(@Follow() following: Following, @Res() reply: FastifyReply): Promise<void> {
    const tell = await this.feeds.everything(following);
    tell(openStream(reply));
  }

  @Get(':id')
  @Requires(ReadEvents)
  @ApiProblems(EventNotFound)
  @Operation('events.get', 'Read an event', { status: 200, about: 'The event', type: CloudEventResponse })
  get(@PathId() id: string): Promise<CloudEventResponse> {
    return this.feeds.get(id);
  }
}
