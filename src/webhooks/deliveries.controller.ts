import { Controller, Get, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { onlyFields, parseFields } from '../platform/http/lists/fields.js';
import { listing } from '../platform/http/lists/listing.js';
import { ApiList, List } from '../platform/http/lists/list-query.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { PathId } from '../platform/http/parameters.js';
import { Requires } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { DELIVERY_FIELDS, DeliveryDetailsResponse, DeliveryPageResponse, DeliveryResponse } from './deliveries.dto.js';
import { DELIVERY_FILTERS, DELIVERY_SORTS, DeliveriesList } from './deliveries.list.js';
import { Deliveries } from './deliveries.service.js';
import {
  DeliveryNotFound,
  ReadWebhooks,
  WebhookDisabled,
  WebhookNotFound,
  WriteWebhooks,
} from './webhooks.contract.js';

const OWED = { status: 202, about: 'The delivery, which is sent next', type: DeliveryDetailsResponse };

@ApiTags('webhooks')
@Controller('api/v1')
export class DeliveriesController {
  constructor(
    private readonly deliveries: Deliveries,
    private readonly lists: DeliveriesList,
  ) {}

  @Get('webhooks/:id/deliveries')
  @Requires(ReadWebhooks)
  @ApiList({
    sortable: Object.keys(DELIVERY_SORTS),
    filterable: DELIVERY_FILTERS,
    filterExample: 'state eq "dead" and eventType sw "user."',
    fieldsExample: 'id,eventType,state',
  })
  @ApiProblems(WebhookNotFound, FilterTooCostly)
  @Operation('webhooks.deliveries', 'List the deliveries of a webhook', {
    status: 200,
    about: 'A page of deliveries',
    type: DeliveryPageResponse,
  })
  async list(@PathId() id: string, @List() query: ListQuery): Promise<DeliveryPageResponse> {
    const fields = parseFields(query.fields, DELIVERY_FIELDS);
    return listing(
      query,
      (page) => this.lists.page(id, page),
      (row) => onlyFields(DeliveryResponse.from(row), fields),
    );
  }

  @Post('webhooks/:id/test')
  @Requires(WriteWebhooks)
  @ApiProblems(WebhookNotFound, WebhookDisabled)
  @Operation(
    'webhooks.test',
    'Try a webhook',
    OWED,
    'An event of the kind `webhook.test` is sent at once, and once only. Read the delivery to see what became of it.',
  )
  async test(@PathId() id: string, @CurrentPrincipal() asker: Principal): Promise<DeliveryDetailsResponse> {
    return DeliveryDetailsResponse.of(await this.deliveries.test(id), asker);
  }

  @Get('webhook-deliveries/:id')
  @Requires(ReadWebhooks)
  @ApiProblems(DeliveryNotFound)
  @Operation('webhookDeliveries.get', 'Read a delivery, with request and answer', {
    status: 200,
    about: 'The delivery',
    type: DeliveryDetailsResponse,
  })
  async get(@PathId() id: string, @CurrentPrincipal() asker: Principal): Promise<DeliveryDetailsResponse> {
    return DeliveryDetailsResponse.of(await this.deliveries.get(id), asker);
  }

  @Post('webhook-deliveries/:id/redelivery')
  @Requires(WriteWebhooks)
  @ApiProblems(DeliveryNotFound, WebhookDisabled)
  @Operation(
    'webhookDeliveries.redeliver',
    'Deliver an event once more',
    OWED,
    'A delivery of its own, with the same event under the same id.',
  )
  async redeliver(@PathId() id: string, @CurrentPrincipal() asker: Principal): Promise<DeliveryDetailsResponse> {
    return DeliveryDetailsResponse.of(await this.deliveries.redeliver(id), asker);
  }
}
