import { PermissionRow } from './access/permission.entity.js';
import { Role } from './access/role.entity.js';
import { RolePermission } from './access/role-permission.entity.js';
import { UserPermission } from './access/user-permission.entity.js';
import { UserRole } from './access/user-role.entity.js';
import { AuditCheckpoint } from './audit/audit-checkpoint.entity.js';
import { AuditDetails } from './audit/audit-details.entity.js';
import { AuditEntry } from './audit/audit-entry.entity.js';
import { AuditRetirement } from './audit/audit-retirement.entity.js';
import { Flow } from './auth/flows/flow.entity.js';
import { GuessRow } from './auth/guesses/guess.entity.js';
import { Invitation } from './auth/invitations/invitation.entity.js';
import { ApiKey } from './auth/keys/api-key.entity.js';
import { EventCursor } from './events/event-cursor.entity.js';
import { Event } from './events/event.entity.js';
import { EventsRetired } from './events/events-retired.entity.js';
import { ExportChunk } from './imports/export-chunk.entity.js';
import { Export } from './imports/export.entity.js';
import { ImportChunk } from './imports/import-chunk.entity.js';
import { ImportClaim } from './imports/import-claim.entity.js';
import { ImportRow } from './imports/import-row.entity.js';
import { Import } from './imports/import.entity.js';
import { Job } from './jobs/job.entity.js';
import { JobWorker } from './jobs/job-worker.entity.js';
import { SigningKey } from './keys/signing-key.entity.js';
import { MailMessage } from './mail/mail-message.entity.js';
import { Factor } from './mfa/factor.entity.js';
import { RecoveryCode } from './mfa/recovery-code.entity.js';
import { TotpTries } from './mfa/totp-tries.entity.js';
import { TrustedDevice } from './mfa/trusted-device.entity.js';
import { WebAuthnChallenge } from './mfa/webauthn-challenge.entity.js';
import { PasswordHash } from './passwords/password-hash.entity.js';
import { Revocation } from './platform/cache/revocation.entity.js';
import { Setting } from './platform/database/setting.entity.js';
import { IdempotencyKeyRow } from './platform/http/idempotency/idempotency-key.entity.js';
import { RateLimitRow } from './platform/rate-limit/rate-limit.entity.js';
import { RefreshToken } from './sessions/refresh-token.entity.js';
import { Session } from './sessions/session.entity.js';
import { User } from './users/user.entity.js';
import { Webhook } from './webhooks/webhook.entity.js';
import { WebhookDelivery } from './webhooks/webhook-delivery.entity.js';

/** Every table. The only place that knows the entities of more than one module. */
export const entities = [
  AuditCheckpoint,
  AuditDetails,
  AuditEntry,
  AuditRetirement,
  Event,
  EventCursor,
  EventsRetired,
  Export,
  ExportChunk,
  Import,
  ImportChunk,
  ImportClaim,
  ImportRow,
  ApiKey,
  Flow,
  GuessRow,
  Factor,
  Invitation,
  Job,
  JobWorker,
  MailMessage,
  PasswordHash,
  PermissionRow,
  IdempotencyKeyRow,
  RateLimitRow,
  RecoveryCode,
  RefreshToken,
  Revocation,
  Role,
  RolePermission,
  Session,
  Setting,
  SigningKey,
  TotpTries,
  TrustedDevice,
  User,
  UserPermission,
  UserRole,
  WebAuthnChallenge,
  Webhook,
  WebhookDelivery,
];
