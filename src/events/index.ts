export { Backlogs } from './backlog.service.js';
export { EventsModule } from './events.module.js';
export type { RecordedFact } from './events.repository.js';
export { Events } from './events.service.js';
export { Facts } from './facts.service.js';
