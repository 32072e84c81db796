export { RefreshTokenInvalid } from './sessions.contract.js';
export { SessionsModule } from './sessions.module.js';
export { Sessions } from './sessions.service.js';
export type { Started } from './sessions.service.js';
