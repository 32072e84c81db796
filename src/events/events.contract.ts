import { definePermission } from '../platform/contract/permission.js';
import { defineProblem } from '../platform/contract/problem.js';

export const ReadEvents = definePermission('events:read', 'Follow what happens to everybody: the feed of events');

export class EventNotFound extends defineProblem('event_not_found', 404, 'There is no such event', {
  cause: 'No event has this id, or it is older than events are kept (EVENTS_RETENTION).',
  mend: 'Look it up in the list of events; what is older is in the audit log.',
}) {}

export class EventPositionGone extends defineProblem('event_position_gone', 410, 'From there nothing can be followed', {
  cause:
    'The event that was read last is not on record, or no longer, or events that came after it are gone already: they are kept for EVENTS_RETENTION.',
  mend: 'Bring what you know up to date from the lists, and follow from now on: without `after`, `Last-Event-ID` and `cursor`.',
}) {}
