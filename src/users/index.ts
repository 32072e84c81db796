export { normalEmail } from './normal-forms.js';
export { statusOf } from './user.entity.js';
export type { UserRow } from './user.entity.js';
export { MeResponse } from './me.dto.js';
export { EmailTaken, UserNotFound } from './users.contract.js';
export { UsersModule } from './users.module.js';
export { Users } from './users.service.js';
