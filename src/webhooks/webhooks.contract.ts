import { defineEvent } from '../platform/contract/event.js';
import { definePermission } from '../platform/contract/permission.js';
import { defineProblem } from '../platform/contract/problem.js';

export const ReadWebhooks = definePermission('webhooks:read', 'See webhooks, and what became of each delivery');
export const WriteWebhooks = definePermission(
  'webhooks:write',
  'Make, change, test, replay and delete webhooks: whoever may can have every fact sent to a server of theirs',
);

export class WebhookNotFound extends defineProblem('webhook_not_found', 404, 'There is no such webhook', {
  cause: 'No webhook has this id, or it was deleted.',
  mend: 'Look it up in the list of webhooks.',
}) {}

export class DeliveryNotFound extends defineProblem('webhook_delivery_not_found', 404, 'There is no such delivery', {
  cause: 'No delivery has this id, its webhook was deleted, or it is older than deliveries are kept.',
  mend: 'Look it up in the deliveries of its webhook.',
}) {}

export class WebhookDisabled extends defineProblem('webhook_disabled', 409, 'This webhook is disabled', {
  cause:
    'It was disabled by somebody, or by itself after days without success, because its server said 410 Gone, or because whoever kept it may no longer.',
  mend: 'Mend its server, enable the webhook by a PATCH with `"state": "enabled"`, and ask again.',
}) {}

export class TooManyWebhooks extends defineProblem('too_many_webhooks', 409, 'There are too many webhooks already', {
  cause: 'There are at most 5,000 webhooks.',
  mend: 'Delete those that are no longer used: `lastSuccessAt` and `failingSince` tell.',
}) {}

export const WebhookCreated = defineEvent('webhook.created', 'A webhook was made', { webhookId: 'uuid' });
export const WebhookChanged = defineEvent('webhook.changed', 'A webhook was changed', {
  webhookId: 'uuid',
  members: 'strings',
});
export const WebhookDeleted = defineEvent('webhook.deleted', 'A webhook was deleted', { webhookId: 'uuid' });
export const WebhookEnabled = defineEvent('webhook.enabled', 'A webhook was enabled again', { webhookId: 'uuid' });
export const WebhookWasDisabled = defineEvent('webhook.disabled', 'A webhook was disabled, by somebody or by itself', {
  webhookId: 'uuid',
  reason: 'string',
});
export const WebhookSecretRotated = defineEvent('webhook.secret_rotated', 'A webhook got a new secret', {
  webhookId: 'uuid',
  overlapUntil: 'moment',
});
export const WebhookTested = defineEvent('webhook.tested', 'Somebody tried a webhook', {
  webhookId: 'uuid',
  deliveryId: 'uuid',
});
export const WebhookRedelivered = defineEvent('webhook.redelivered', 'Somebody had a fact delivered once more', {
  webhookId: 'uuid',
  deliveryId: 'uuid',
  eventId: 'uuid',
});
export const WebhookReplayed = defineEvent('webhook.replayed', 'Somebody had past facts delivered once more', {
  webhookId: 'uuid',
  replayId: 'uuid',
  from: 'moment',
  to: 'moment',
});
/** No fact: it goes to the one webhook that is tried. */
export const WebhookTest = defineEvent('webhook.test', 'Nothing happened: a webhook is tried', { webhookId: 'uuid' });
