import { Body, Controller, Delete, Get, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { PrivilegeCeiling, RoleUnknown } from '../../access/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { parseFields } from '../../platform/http/lists/fields.js';
import { listing } from '../../platform/http/lists/listing.js';
import { ApiList, List } from '../../platform/http/lists/list-query.js';
import type { ListQuery } from '../../platform/http/lists/list-query.js';
import { ApiProblems, Operation } from '../../platform/http/operation.js';
import { IfMatch, PathId } from '../../platform/http/parameters.js';
import type { Versions } from '../../platform/http/parameters.js';
import { Requires } from '../../platform/http/policy.js';
import { CurrentPrincipal } from '../../platform/http/principal.js';
import type { Principal } from '../../platform/http/principal.js';
import { FilterTooCostly } from '../../platform/http/problems.js';
import { EmailTaken, UserNotFound } from '../../users/index.js';
import { RegistrationClosed } from '../accounts/accounts.contract.js';
import { ReasonRequest } from '../user-credentials.dto.js';
import type { InvitationRow } from './invitation.entity.js';
import { InvitationNotFound, InvitationOver, ReadInvitations, WriteInvitations } from './invitations.contract.js';
import {
  CreateInvitationRequest,
  INVITATION_FIELDS,
  InvitationPageResponse,
  InvitationResponse,
} from './invitations.dto.js';
import { INVITATION_FILTERS, INVITATION_SORTS, InvitationsList } from './invitations.list.js';
import { Invitations } from './invitations.service.js';

const one = (about: string, status = 200): { status: number; about: string; type: typeof InvitationResponse } => ({
  status,
  about,
  type: InvitationResponse,
});

@ApiTags('invitations')
@Controller('api/v1/invitations')
export class InvitationsController {
  constructor(
    private readonly invitations: Invitations,
    private readonly lists: InvitationsList,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Requires(ReadInvitations)
  @ApiList({
    sortable: Object.keys(INVITATION_SORTS),
    filterable: INVITATION_FILTERS,
    filterExample: 'status eq "pending"',
  })
  @ApiProblems(FilterTooCostly)
  @Operation('invitations.list', 'List invitations', {
    status: 200,
    about: 'A page of invitations',
    type: InvitationPageResponse,
  })
  async list(@List() query: ListQuery): Promise<InvitationPageResponse> {
    const fields = parseFields(query.fields, INVITATION_FIELDS);
    return listing(
      query,
      (page) => this.lists.page(page),
      (row) => only(this.shown(row), fields),
    );
  }

  @Post()
  @Requires(WriteInvitations)
  @ApiProblems(RegistrationClosed, EmailTaken, RoleUnknown, PrivilegeCeiling)
  @Operation(
    'invitations.create',
    'Invite somebody',
    one('The new invitation; a mail with a link and a code is on its way', 201),
    `Makes a user with the status \`invited\`, who chooses a password by the mail. Whoever is invited already keeps their name,
language and roles; an invitation of theirs that is still open is revoked.`,
  )
  async create(
    @Body() body: CreateInvitationRequest,
    @CurrentPrincipal() actor: Principal,
  ): Promise<InvitationResponse> {
    return this.shown(await this.invitations.create(body, actor));
  }

  @Get(':id')
  @Requires(ReadInvitations)
  @ApiProblems(InvitationNotFound)
  @Operation('invitations.get', 'Read an invitation', one('The invitation'))
  async get(@PathId() id: string): Promise<InvitationResponse> {
    return this.shown(await this.invitations.get(id));
  }

  @Post(':id/resend')
  @Requires(WriteInvitations)
  @ApiProblems(InvitationNotFound, UserNotFound, InvitationOver, PrivilegeCeiling)
  @Operation(
    'invitations.resend',
    'Mail an invitation once more',
    one('The invitation, which ends later now'),
    'To the address that the user has by now. The link and the code that were mailed before are void.',
  )
  async resend(
    @PathId() id: string,
    @Body() { reason }: ReasonRequest,
    @CurrentPrincipal() actor: Principal,
  ): Promise<InvitationResponse> {
    return this.shown(await this.invitations.resend(id, reason, actor));
  }

  @Delete(':id')
  @Requires(WriteInvitations)
  @ApiProblems(InvitationNotFound, UserNotFound, InvitationOver, PrivilegeCeiling)
  @Operation(
    'invitations.revoke',
    'Revoke an invitation',
    { status: 204, about: 'Revoked' },
    'The link and the code are void at once. The user stays, and can be invited again.',
  )
  async revoke(
    @PathId() id: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() actor: Principal,
  ): Promise<void> {
    await this.invitations.revoke(id, expected, actor);
  }

  private shown(row: InvitationRow): InvitationResponse {
    return InvitationResponse.from(row, this.clock.now());
  }
}

function only(invitation: InvitationResponse, fields: ReadonlySet<string> | null): InvitationResponse {
  if (!fields) return invitation;
  const kept = Object.entries(invitation).filter(([name]) => fields.has(name));
  return Object.fromEntries(kept) as unknown as InvitationResponse;
}
