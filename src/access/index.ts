export { PermissionUnknown, PrivilegeCeiling, RoleUnknown } from './access.contract.js';
export { AccessModule } from './access.module.js';
export { Access, holdsSql, rolesOfSql } from './access.service.js';
export { PermissionGuard } from './permission.guard.js';
