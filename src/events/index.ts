export { cloudEventOf } from './cloud-event.js';
export type { CloudEvent } from './cloud-event.js';
export { EventsModule } from './events.module.js';
export type { RecordedFact } from './fact.js';
export { Events } from './events.service.js';
export { Facts } from './facts.service.js';
export { Followers } from './followers.js';
export { LiveFacts } from './live-facts.js';
