import { ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { Flag, Id, ListOf, Moment, Text, TextList, Whole } from '../platform/http/properties.js';
import { deviceOf } from './device.js';
import type { Session } from './session.entity.js';

const SESSION_NAME = {
  about: 'What its owner calls it',
  example: 'Work laptop',
  min: 1,
  max: 100,
  pattern: /^(?!\s)[^\p{Cc}\u2028\u2029]+$/u,
  says: 'must be one line that does not begin with a space',
  nullable: true,
};

@ApiSchema({ name: 'NameSessionRequest' })
@Examples({ 'A name': { name: 'Work laptop' }, 'No name any more': { name: null } })
export class NameSessionRequest {
  @Text(SESSION_NAME) name!: string | null;
}

@ApiSchema({ name: 'Session' })
export class SessionResponse {
  @Id({ about: 'The id (UUIDv7)', example: '01a1fb89-a690-7530-90c7-ac334b01292e' }) id!: string;
  @Text(SESSION_NAME) name!: string | null;
  @Text({
    about: 'What the program says it is, which proves nothing',
    example: 'Firefox on Windows',
    max: 100,
    nullable: true,
  })
  device!: string | null;
  @Text({ about: 'The address that it was last seen at', example: '203.0.113.7', max: 45, nullable: true })
  ip!: string | null;
  @Moment({ about: 'When somebody signed in', example: '2026-11-21T10:00:00.000Z' }) createdAt!: string;
  @Moment({ about: 'When it was last refreshed', example: '2026-11-21T10:00:00.000Z' }) lastSeenAt!: string;
  @Moment({ about: 'When it ends, however often it is refreshed', example: '2026-12-21T10:00:00.000Z' })
  expiresAt!: string;
  @TextList({
    about: 'How they proved who they are (RFC 8176)',
    example: ['pwd'],
    max: 32,
    maxItems: 20,
    pattern: /^[a-z]+$/,
  })
  amr!: readonly string[];
  @Flag({ about: 'It is the session of this request', example: true }) current!: boolean;
  @Whole({ about: 'Rises when it is named; also in the ETag', example: 1, min: 1, max: 2_147_483_647 })
  version!: number;

  /** @param currentId the session of whoever asks */
  static from(session: Session, currentId: string | null): SessionResponse {
    const { id, name, ip, amr, authenticatedAt, lastSeenAt, expiresAt, userAgent, version } = session;
    return {
      id,
      name,
      device: deviceOf(userAgent),
      ip,
      createdAt: authenticatedAt.toISOString(),
      lastSeenAt: lastSeenAt.toISOString(),
      expiresAt: expiresAt.toISOString(),
      amr,
      current: id === currentId,
      version,
    };
  }
}

@ApiSchema({ name: 'Sessions' })
export class SessionsResponse {
  @ListOf(() => SessionResponse, 'The open sessions, the newest first') data!: SessionResponse[];

  static from(sessions: readonly Session[], currentId: string | null): SessionsResponse {
    return { data: sessions.map((session) => SessionResponse.from(session, currentId)) };
  }
}
