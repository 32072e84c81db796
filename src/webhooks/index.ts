export { Resolver } from './resolver.js';
export { WebhooksModule } from './webhooks.module.js';
