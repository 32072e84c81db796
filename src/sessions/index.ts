export { deviceOf } from './device.js';
export { OpenSessions } from './open-sessions.service.js';
export { RefreshTokenInvalid, SessionNotFound } from './sessions.contract.js';
export { SessionsResponse } from './sessions.dto.js';
export { SessionsModule } from './sessions.module.js';
export { Sessions } from './sessions.service.js';
export type { Started } from './sessions.service.js';
