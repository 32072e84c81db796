import { defineEvent } from '../../platform/contract/event.js';
import { definePermission } from '../../platform/contract/permission.js';
import { defineProblem } from '../../platform/contract/problem.js';

export const ReadInvitations = definePermission('invitations:read', 'See every invitation');
export const WriteInvitations = definePermission('invitations:write', 'Invite people, and take invitations back');

export class InvitationNotFound extends defineProblem('invitation_not_found', 404, 'There is no such invitation', {
  cause: 'No invitation has this id.',
  mend: 'Look it up in the list.',
}) {}

export class InvitationOver extends defineProblem('invitation_over', 409, 'This invitation is over', {
  cause: 'It was accepted or revoked.',
  mend: 'Invite them once more, if they have no account yet.',
}) {}

export const InvitationSent = defineEvent('invitation.sent', 'Somebody was invited', {
  invitationId: 'uuid',
  userId: 'uuid',
  flowId: 'uuid',
});
export const InvitationResent = defineEvent(
  'invitation.resent',
  'An invitation was mailed once more: what was mailed before is void',
  { invitationId: 'uuid', userId: 'uuid', flowId: 'uuid' },
);
export const InvitationRevoked = defineEvent('invitation.revoked', 'An invitation was taken back', {
  invitationId: 'uuid',
  userId: 'uuid',
});
export const InvitationAccepted = defineEvent('invitation.accepted', 'Somebody accepted their invitation', {
  invitationId: 'uuid',
  userId: 'uuid',
});
