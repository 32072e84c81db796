export { startEmbeddedPostgres } from './embedded-postgres.js';
export type { EmbeddedPostgres } from './embedded-postgres.js';
export { EmbeddedPostgresRefused } from './refused.js';
