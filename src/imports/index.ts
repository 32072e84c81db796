export { ImportsModule } from './imports.module.js';
export { UserFiles } from './user-files.service.js';
