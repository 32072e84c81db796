import { ApiProperty, ApiSchema } from '@nestjs/swagger';

import { OUTCOMES } from '../platform/contract/event.js';
import type { Outcome } from '../platform/contract/event.js';
import { PageResponse } from '../platform/http/lists/list-query.js';
import { Flag, Id, JsonObject, ListOf, Moment, Nested, OneOf, Text, Whole } from '../platform/http/properties.js';
import type { Verification } from './audit.service.js';
import { FAULT_CODES } from './chain.js';
import type { ChainEntry, ChainFault } from './chain.js';

const ADA = '01a1fb89-a690-7530-90c7-ac334b01292e';
const AT = '2026-11-21T10:00:00.000Z';
const HASH = /^[0-9a-f]{64}$/;
const EXAMPLE_HASH = 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c';

const Seq = (about: string, nullable = false): PropertyDecorator =>
  Whole({ about, example: 42, min: nullable ? 0 : 1, max: Number.MAX_SAFE_INTEGER, nullable });
const Hash = (about: string): PropertyDecorator =>
  Text({ about, example: EXAMPLE_HASH, min: 64, max: 64, pattern: HASH });
const Word = (about: string, example: string | null, max = 500): PropertyDecorator =>
  Text({ about, example, max, nullable: true });
const Happening = (): PropertyDecorator =>
  Text({ about: 'What happened: the type of the fact', example: 'user.suspended', max: 200 });
const HowItEnded = (): PropertyDecorator =>
  OneOf(OUTCOMES, 'AuditOutcome', { about: 'Whether it was done, or refused', example: 'success' });

@ApiSchema({ name: 'AuditCheckpoint' })
export class AuditCheckpointResponse {
  @Text({ about: 'Which key signed it', example: '3f2a9c41d07be586', min: 16, max: 16 }) kid!: string;
  @Hash('The hash that was signed: that of the entry') hash!: string;
  @Text({ about: 'Ed25519, in base64url', example: 'A'.repeat(86), min: 86, max: 86 }) signature!: string;
  @Moment({ about: 'When it was signed', example: AT }) createdAt!: string;
}

@ApiSchema({ name: 'AuditRetirement' })
export class AuditRetirementResponse {
  @Whole({ about: 'The last entry that was let go', example: 41, min: 1, max: Number.MAX_SAFE_INTEGER }) seq!: number;
  @Hash('Its hash') hash!: string;
  @Moment({ about: 'When the checkpoint at it was signed', example: AT }) signedAt!: string;
  @Text({ about: 'Which key signed this', example: '3f2a9c41d07be586', min: 16, max: 16 }) kid!: string;
  @Text({ about: 'Ed25519, in base64url', example: 'A'.repeat(86), min: 86, max: 86 }) signature!: string;
  @Moment({ about: 'When this was signed', example: AT }) createdAt!: string;
}

@ApiSchema({ name: 'AuditEntry' })
export class AuditEntryResponse {
  @Id({ about: 'The id of the fact (UUIDv7)', example: ADA }) id!: string;
  @Seq('The place in the chain: from 1, without gaps') seq!: number;
  @Moment({ about: 'When it happened', example: AT }) occurredAt!: string;
  @Happening() type!: string;
  @Word('What it happened to', `users/${ADA}`) subject!: string | null;
  @Whole({ about: 'Its version afterwards', example: 2, min: 0, max: 2_147_483_647, nullable: true })
  subjectVersion!: number | null;
  @JsonObject({ about: 'The fact itself; ids, and nothing personal', example: { userId: ADA }, maxBytes: 1_048_576 })
  data!: object;
  @Word('Who did it', ADA) actorId!: string | null;
  @Word('For whom they acted, where they acted for another', null) onBehalfOf!: string | null;
  @Word('The request in which it happened', '01a1fb89-a690-7530-90c7-ac334b01292f') requestId!: string | null;
  @HowItEnded() outcome!: Outcome;
  @JsonObject({
    about:
      'What is personal: `ip`, `userAgent`, and where there are such, `reason`, `before` and `after`; null once erased',
    example: { ip: '192.0.2.7', userAgent: 'curl/8.11', reason: 'left' },
    maxBytes: 1_048_576,
    nullable: true,
  })
  details!: object | null;
  @Text({
    about: 'Goes before the details in their digest; hex, null once they are erased',
    example: '00112233445566778899aabbccddeeff',
    max: 64,
    nullable: true,
  })
  salt!: string | null;
  @Hash('SHA-256 of the salt and the details as canonical JSON (RFC 8785); stays when they are erased')
  detailsDigest!: string;
  @Hash('The hash of the entry before it') previousHash!: string;
  @Hash('SHA-256 of the hash before and the other members (but salt, details and checkpoint) as canonical JSON')
  hash!: string;
  @Nested(() => AuditCheckpointResponse, {
    about: 'The signature over this place of the chain, where there is one',
    example: null,
    nullable: true,
  })
  checkpoint!: AuditCheckpointResponse | null;
  @Nested(() => AuditRetirementResponse, {
    about: 'On the first entry that is left: the signed record that all before it were let go (`AUDIT_RETENTION`)',
    example: null,
    nullable: true,
  })
  retirement!: AuditRetirementResponse | null;

  static from(entry: ChainEntry): AuditEntryResponse {
    const { id, seq, occurredAt, type, subject, subjectVersion, data, actorId, onBehalfOf, requestId } = entry;
    const { outcome, details, salt, detailsDigest, previousHash, hash, checkpoint } = entry;
    const happened = { id, seq, occurredAt, type, subject, subjectVersion, data, actorId, onBehalfOf, requestId };
    const proof = { detailsDigest, previousHash, hash, checkpoint, retirement: entry.retirement ?? null };
    return { ...happened, outcome, details, salt, ...proof };
  }
}

export const AUDIT_FIELDS: readonly string[] = [
  ...['id', 'seq', 'occurredAt', 'type', 'subject', 'subjectVersion', 'data', 'actorId', 'onBehalfOf', 'requestId'],
  ...['outcome', 'details', 'salt', 'detailsDigest', 'previousHash', 'hash', 'checkpoint', 'retirement'],
];

@ApiSchema({ name: 'AuditPage' })
export class AuditPageResponse {
  @ListOf(() => AuditEntryResponse, 'The entries of this page') data!: AuditEntryResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}

@ApiSchema({ name: 'AuditFault' })
export class AuditFaultResponse {
  @Whole({ about: 'Where in the chain', example: 42, min: 0, max: Number.MAX_SAFE_INTEGER }) seq!: number;
  @OneOf(FAULT_CODES, 'AuditFaultCode', { about: 'What is wrong', example: 'entry_changed' }) code!: ChainFault['code'];
  @Text({ about: 'The same in a sentence', example: 'Its content is not what its hash was made of', max: 500 })
  detail!: string;
}

@ApiSchema({ name: 'AuditVerification' })
export class AuditVerificationResponse {
  @Flag({ about: 'No fault was found', example: true }) verified!: boolean;
  @Whole({ about: 'Entries that were verified', example: 42, min: 0, max: Number.MAX_SAFE_INTEGER }) entries!: number;
  @Whole({ about: 'Checkpoints whose signature is true', example: 1, min: 0, max: Number.MAX_SAFE_INTEGER })
  checkpoints!: number;
  @Seq('The first entry that was verified', true) firstSeq!: number | null;
  @Seq('The last entry that was verified', true) lastSeq!: number | null;
  @Seq('Up to here the chain is vouched for by a signature', true) lastCheckpointSeq!: number | null;
  @Seq('Up to here entries were let go, as a signature says', true) retiredSeq!: number | null;
  @Text({
    about: 'The public key of checkpoints (Ed25519, base64url): keep it elsewhere, to verify exports with it',
    example: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    min: 43,
    max: 43,
  })
  publicKey!: string;
  @ListOf(() => AuditFaultResponse, 'What is wrong: the first 100') faults!: AuditFaultResponse[];

  static from(verification: Verification): AuditVerificationResponse {
    const { verified, entries, checkpoints, firstSeq, lastSeq, lastCheckpointSeq, publicKey, faults } = verification;
    const bounds = { firstSeq, lastSeq, lastCheckpointSeq, retiredSeq: verification.retiredSeq };
    return { verified, entries, checkpoints, ...bounds, publicKey, faults: [...faults] };
  }
}

/** What somebody may know of what happened to them: of what others did, not from where. */
@ApiSchema({ name: 'SecurityLogEntry' })
export class SecurityLogEntryResponse {
  @Id({ about: 'The id of the fact (UUIDv7)', example: ADA }) id!: string;
  @Moment({ about: 'When it happened', example: AT }) occurredAt!: string;
  @Happening() type!: string;
  @HowItEnded() outcome!: Outcome;
  @Flag({ about: 'You did it yourself', example: true }) byYourself!: boolean;
  @Word('From which address; null where somebody else who is known did it', '192.0.2.7') ip!: string | null;
  @Word('With which program; null where somebody else who is known did it', 'curl/8.11') userAgent!: string | null;

  static from(
    { id, occurredAt, type, outcome, actorId, details }: ChainEntry,
    userId: string,
  ): SecurityLogEntryResponse {
    const { ip = null, userAgent = null } = (details ?? {}) as { ip?: string | null; userAgent?: string | null };
    const byYourself = actorId === userId;
    const from = byYourself || actorId === null ? { ip, userAgent } : { ip: null, userAgent: null };
    return { id, occurredAt, type, outcome, byYourself, ...from };
  }
}

export const SECURITY_LOG_FIELDS: readonly string[] = [
  ...['id', 'occurredAt', 'type', 'outcome', 'byYourself', 'ip', 'userAgent'],
];

@ApiSchema({ name: 'SecurityLogPage' })
export class SecurityLogPageResponse {
  @ListOf(() => SecurityLogEntryResponse, 'The entries of this page') data!: SecurityLogEntryResponse[];
  @ApiProperty({ type: PageResponse, description: 'Where the page stands' }) page!: PageResponse;
}
