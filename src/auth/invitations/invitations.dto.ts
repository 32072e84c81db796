import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { Examples } from '../../platform/http/examples.js';
import { Locale } from '../../platform/http/intl.properties.js';
import { PageResponse } from '../../platform/http/lists/list-query.js';
import { Email, Id, ListOf, Moment, OneOf, Text, TextList, Whole } from '../../platform/http/properties.js';
import { FlowId, MailCode, MailToken } from '../sign-in.dto.js';
import { INVITATION_STATUSES, invitationStatusOf, versionOf } from './invitation.entity.js';
import type { InvitationRow, InvitationStatus } from './invitation.entity.js';

const ID = '01a1fb89-a690-7530-90c7-ac334b01292e';
const MOMENT = '2026-11-21T10:00:00.000Z';
const ROLE = /^[a-z][a-z0-9_-]{0,63}$/;

const InvitedAddress = (): PropertyDecorator =>
  Email({ about: 'The address that the invitation is mailed to', example: 'grace@example.com' });
const Name = (presence: { readonly optional?: boolean } = {}): PropertyDecorator =>
  Text({
    about: 'Full name',
    example: 'Grace Hopper',
    min: 1,
    max: 200,
    pattern: /^(?!\s)[^\p{Cc}\u2028\u2029]+$/u,
    says: 'must be one line that does not begin with a space',
    ...presence,
  });

@ApiSchema({ name: 'CreateInvitationRequest' })
@Examples({
  'As little as possible': { email: 'grace@example.com', name: 'Grace Hopper' },
  'In German': { email: 'emmy@example.com', name: 'Emmy Noether', locale: 'de-DE' },
  'An administrator': { email: 'ada@example.com', name: 'Ada Lovelace', roles: ['admin', 'user'] },
})
export class CreateInvitationRequest {
  @InvitedAddress() email!: string;
  @Name() name!: string;
  @Locale({ optional: true }) locale?: string;
  @TextList({
    about: 'Every role that the user has; `user` alone if they are left out',
    example: ['user'],
    max: 64,
    maxItems: 50,
    pattern: ROLE,
    optional: true,
  })
  roles?: string[];
}

@ApiSchema({ name: 'AcceptInvitationRequest' })
@Examples({
  'The token of the link': {
    token: 'wRz5vO8mB1pQ4sX7uA2dF5gH8jK1lN4qT7wZ0yC3eI6',
    password: 'quiet river under seven bridges',
  },
  'The code of the mail': { flowId: ID, code: '123456', password: 'quiet river under seven bridges' },
  'Under another name': {
    token: 'wRz5vO8mB1pQ4sX7uA2dF5gH8jK1lN4qT7wZ0yC3eI6',
    password: 'quiet river under seven bridges',
    name: 'Grace Brewster Hopper',
  },
})
export class AcceptInvitationRequest {
  @MailToken() token?: string;
  @FlowId() flowId?: string;
  @MailCode() code?: string;
  @Text({
    about: 'The password of the account from now on: at least 15 characters, of any kind',
    example: 'quiet river under seven bridges',
    min: 1,
    max: 1024,
    format: 'password',
    writeOnly: true,
  })
  password!: string;
  @Name({ optional: true }) name?: string;
}

@ApiSchema({ name: 'Invitation' })
export class InvitationResponse {
  @Id({ about: 'The id (UUIDv7)', example: ID }) id!: string;
  @Id({ about: 'The user who waits for it to be accepted', example: ID }) userId!: string;
  @InvitedAddress() email!: string;
  @OneOf(INVITATION_STATUSES, 'InvitationStatus', { about: 'Where the invitation stands', example: 'pending' })
  status!: InvitationStatus;
  @TextList({
    about: 'The roles of the user when the newest mail was sent',
    example: ['user'],
    max: 64,
    maxItems: 1000,
    pattern: ROLE,
  })
  roles!: string[];
  @Id({ about: 'The user who invited them', example: ID, nullable: true }) invitedBy!: string | null;
  @Moment({ about: 'When they were invited', example: MOMENT }) createdAt!: string;
  @Moment({ about: 'When the newest mail was sent', example: MOMENT }) sentAt!: string;
  @Moment({ about: 'When its link ends; its code ends after ten minutes', example: '2026-11-28T10:00:00.000Z' })
  expiresAt!: string;
  @Moment({ about: 'When it was accepted', example: null, nullable: true }) acceptedAt!: string | null;
  @Moment({ about: 'When it was revoked', example: null, nullable: true }) revokedAt!: string | null;
  @Id({ about: 'What the code of the newest mail belongs to', example: ID }) flowId!: string;
  @Whole({ about: 'Rises with every change; also in the ETag', example: 1, min: 1, max: 2_147_483_647 })
  version!: number;

  static from(row: InvitationRow, now: Date): InvitationResponse {
    return {
      id: row.id,
      userId: row.userId,
      email: row.email,
      status: invitationStatusOf(row, now),
      roles: row.roles,
      invitedBy: row.invitedBy,
      createdAt: row.createdAt.toISOString(),
      sentAt: row.sentAt.toISOString(),
      expiresAt: row.expiresAt.toISOString(),
      acceptedAt: row.acceptedAt?.toISOString() ?? null,
      revokedAt: row.revokedAt?.toISOString() ?? null,
      flowId: row.flowId,
      version: versionOf(row, now),
    };
  }
}

export const INVITATION_FIELDS: readonly string[] = [
  'id',
  'userId',
  'email',
  'status',
  'roles',
  'invitedBy',
  'createdAt',
  'sentAt',
  'expiresAt',
  'acceptedAt',
  'revokedAt',
  'flowId',
  'version',
];

@ApiSchema({ name: 'InvitationPage' })
export class InvitationPageResponse {
  @ListOf(() => InvitationResponse, 'The invitations of this page') data!: InvitationResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}
