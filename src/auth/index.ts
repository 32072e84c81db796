export { Administrators } from './administrators.service.js';
export type { FirstAdministrator } from './administrators.service.js';
export { AuthModule } from './auth.module.js';
export { AuthenticationGuard } from './authentication.guard.js';
export { Bearers } from './bearers.service.js';
