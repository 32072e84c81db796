export { Backlogs } from './backlog.service.js';
export { EventsModule } from './events.module.js';
export type { Position, RecordedFact } from './events.repository.js';
export { Events } from './events.service.js';
export { Facts } from './facts.service.js';
export { Followers } from './followers.js';
export { LiveFacts } from './live-facts.js';
