export { KeysModule } from './keys.module.js';
export { Keys } from './keys.service.js';
