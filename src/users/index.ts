export { normalEmail } from './normal-forms.js';
export { isSuspended, statusOf } from './user.entity.js';
export type { UserRow } from './users.repository.js';
export { MeResponse } from './users.dto.js';
export { EmailTaken } from './users.contract.js';
export { UsersModule } from './users.module.js';
export { Users } from './users.service.js';
