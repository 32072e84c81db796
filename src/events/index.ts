export { EventsModule } from './events.module.js';
export { Events } from './events.service.js';
