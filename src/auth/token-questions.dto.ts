import { ApiSchema } from '@nestjs/swagger';

import type { Principal } from '../platform/http/principal.js';
import { Flag, Id, Moment, Text, TextList } from '../platform/http/properties.js';

const SOMEBODY = '01a1fb89-a690-7530-90c7-ac334b01292e';
/** A principal whose proof has no end: a key without one. */
const LATEST = 8.64e15;

@ApiSchema({ name: 'TokenQuestion' })
export class TokenQuestion {
  @Text({
    about: 'An access token, or a key, as somebody showed it to you',
    example: 'roster_pat_ExampleExampleExampleExampleExampleExamp_000000',
    min: 1,
    max: 4096,
  })
  token!: string;
}

@ApiSchema({ name: 'TokenAnswer' })
export class TokenAnswer {
  @Flag({ about: 'It is good at this moment; ask again each time', example: true }) active!: boolean;
  @Text({ about: 'Why it is not: the code of a problem', example: null, max: 100, nullable: true })
  reason!: string | null;
  @Id({ about: 'Who shows it', example: SOMEBODY, nullable: true }) userId!: string | null;
  @Id({ about: 'The session that it is of', example: SOMEBODY, nullable: true }) sessionId!: string | null;
  @Id({ about: 'The key that it is', example: null, nullable: true }) keyId!: string | null;
  @Id({ about: 'Who acts for them', example: null, nullable: true }) actorId!: string | null;
  @TextList({
    about: 'What they may by it',
    example: ['users:read'],
    max: 100,
    maxItems: 1000,
    pattern: /^[a-z][a-z0-9_:-]*$/,
  })
  permissions!: string[];
  @Moment({ about: 'When they proved who they are', example: '2026-11-21T10:00:00.000Z', nullable: true })
  authenticatedAt!: string | null;
  @Moment({ about: 'Good until then at most; null: no end is set', example: null, nullable: true })
  expiresAt!: string | null;

  static of({ userId, sessionId, keyId, actorId, permissions, authTime, expiresAt }: Principal): TokenAnswer {
    return {
      active: true,
      reason: null,
      userId,
      sessionId,
      keyId,
      actorId,
      permissions: [...permissions].sort(),
      authenticatedAt: authTime.toISOString(),
      expiresAt: expiresAt <= LATEST ? new Date(expiresAt).toISOString() : null,
    };
  }

  /** Nothing is told of whose it was. */
  static refused(reason: string): TokenAnswer {
    const nobody = { userId: null, sessionId: null, keyId: null, actorId: null };
    return { active: false, reason, ...nobody, permissions: [], authenticatedAt: null, expiresAt: null };
  }
}
