import { Body, Controller, Delete, Get, Header, Patch, Post, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { Clock } from '../platform/clock/clock.js';
import { onlyFields, parseFields } from '../platform/http/lists/fields.js';
import { listing } from '../platform/http/lists/listing.js';
import { ApiList, List } from '../platform/http/lists/list-query.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch, PathId } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { Requires } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { Replays } from './replays.service.js';
import { ReadWebhooks, TooManyWebhooks, WebhookDisabled, WebhookNotFound, WriteWebhooks } from './webhooks.contract.js';
import {
  CreateWebhookRequest,
  NewWebhookResponse,
  PatchWebhookRequest,
  ReplayWebhookRequest,
  RotateWebhookSecretRequest,
  WEBHOOK_FIELDS,
  WebhookPageResponse,
  WebhookReplayResponse,
  WebhookResponse,
} from './webhooks.dto.js';
import { WEBHOOK_FILTERS, WEBHOOK_SORTS, WebhooksList } from './webhooks.list.js';
import { Webhooks } from './webhooks.service.js';

@ApiTags('webhooks')
@Controller('api/v1/webhooks')
export class WebhooksController {
  constructor(
    private readonly webhooks: Webhooks,
    private readonly lists: WebhooksList,
    private readonly replays: Replays,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Requires(ReadWebhooks)
  @ApiList({
    sortable: Object.keys(WEBHOOK_SORTS),
    filterable: WEBHOOK_FILTERS,
    filterExample: 'state eq "disabled" or failingSince pr',
    fieldsExample: 'id,url,state',
  })
  @ApiProblems(FilterTooCostly)
  @Operation('webhooks.list', 'List webhooks', { status: 200, about: 'A page of webhooks', type: WebhookPageResponse })
  async list(@List() query: ListQuery, @CurrentPrincipal() asker: Principal): Promise<WebhookPageResponse> {
    const fields = parseFields(query.fields, WEBHOOK_FIELDS);
    return listing(
      query,
      (page) => this.lists.page(page, asker),
      (row) => onlyFields(WebhookResponse.from(row, asker), fields),
    );
  }

  @Post()
  @Requires(WriteWebhooks)
  @Header('Cache-Control', 'no-store')
  @ApiProblems(TooManyWebhooks)
  @Operation(
    'webhooks.create',
    'Make a webhook',
    { status: 201, about: 'The webhook, and this once its secret', type: NewWebhookResponse },
    `Each event from now on that it listens to is sent there by a POST, at least once, signed as Standard Webhooks 1.0 says:
verify \`webhook-signature\` and remember \`webhook-id\`, which is the id of the event. Answer 2xx within 15 seconds. Anything
else is tried again for up to 72 hours; redirects are not followed.`,
  )
  async create(@Body() body: CreateWebhookRequest, @CurrentPrincipal() maker: Principal): Promise<NewWebhookResponse> {
    return NewWebhookResponse.of(await this.webhooks.create(body.terms(), maker), maker);
  }

  @Get(':id')
  @Requires(ReadWebhooks)
  @ApiProblems(WebhookNotFound)
  @Operation('webhooks.get', 'Read a webhook', { status: 200, about: 'The webhook', type: WebhookResponse })
  async get(@PathId() id: string, @CurrentPrincipal() asker: Principal): Promise<WebhookResponse> {
    return WebhookResponse.from(await this.webhooks.get(id), asker);
  }

  @Patch(':id')
  @Requires(WriteWebhooks)
  @ApiProblems(WebhookNotFound)
  @Operation(
    'webhooks.patch',
    'Change, disable or enable a webhook',
    { status: 200, about: 'The webhook as it is now', type: WebhookResponse },
    'What waited while it was disabled is sent once it is enabled again.',
  )
  async patch(
    @PathId() id: string,
    @Body() body: PatchWebhookRequest,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() asker: Principal,
  ): Promise<WebhookResponse> {
    return WebhookResponse.from(await this.webhooks.change(id, body, expected, asker), asker);
  }

  @Delete(':id')
  @Requires(WriteWebhooks)
  @ApiProblems(WebhookNotFound)
  @Operation(
    'webhooks.delete',
    'Delete a webhook',
    { status: 204, about: 'Deleted' },
    'What is on its way may still arrive; its deliveries are gone with it.',
  )
  async delete(@PathId() id: string, @IfMatch() expected: Versions): Promise<void> {
    await this.webhooks.delete(id, expected);
  }

  @Post(':id/secret')
  @Requires(WriteWebhooks)
  @Header('Cache-Control', 'no-store')
  @ApiProblems(WebhookNotFound)
  @Operation(
    'webhooks.rotateSecret',
    'Give a webhook a new secret',
    { status: 200, about: 'The webhook, and this once its new secret', type: NewWebhookResponse },
    'Until the overlap ends each delivery has two signatures: by the new secret and by the present one.',
  )
  async rotateSecret(
    @PathId() id: string,
    @Body() body: RotateWebhookSecretRequest,
    @CurrentPrincipal() asker: Principal,
  ): Promise<NewWebhookResponse> {
    return NewWebhookResponse.of(await this.webhooks.rotateSecret(id, body.overlap()), asker);
  }

  @Post(':id/replay')
  @Requires(WriteWebhooks)
  @ApiProblems(WebhookNotFound, WebhookDisabled)
  @ApiResponse({ status: 202, description: 'A job makes the deliveries', type: WebhookReplayResponse })
  @Operation(
    'webhooks.replay',
    'Send past events once more',
    { status: 200, about: 'How many there would be: a dry run', type: WebhookReplayResponse },
    'Under the ids that they had: whoever remembers `webhook-id` sees that they are the same.',
  )
  async replay(
    @PathId() id: string,
    @Body() body: ReplayWebhookRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookReplayResponse> {
    const range = body.range(this.clock.now());
    if (body.dryRun) return WebhookReplayResponse.from(await this.replays.count(id, range));
    const replay = await this.replays.begin(id, range);
    void reply.status(202).header('Location', `/api/v1/jobs/${replay.jobId}`);
    return WebhookReplayResponse.from(replay);
  }
}
