import { defineEvent } from '../platform/contract/event.js';
import { definePermission } from '../platform/contract/permission.js';
import { defineProblem } from '../platform/contract/problem.js';

export const ReadAudit = definePermission('audit:read', 'See and export the audit log');
export const VerifyAudit = definePermission('audit:verify', 'Verify that nobody changed the audit log');

export class AuditEntryNotFound extends defineProblem(
  'audit_entry_not_found',
  404,
  'There is no such entry in the audit log',
  {
    cause: 'No entry has this id; one of the last second may not have been copied yet.',
    mend: 'Look it up in the list, or ask again in a second.',
  },
) {}

export const AuditRetired = defineEvent(
  'audit.retired',
  'Old entries of the audit log were let go, up to this one (AUDIT_RETENTION)',
  { seq: 'integer' },
);
