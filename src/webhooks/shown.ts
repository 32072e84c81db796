import { WriteWebhooks } from './webhooks.contract.js';

/** What tells of the facts themselves. */
export const EVENTS_READ = 'events:read';

type Permissions = ReadonlySet<string>;

/** A path may be a secret of whoever receives: it is for those who could change it. */
export function seesWholeUrls(permissions: Permissions): boolean {
  return permissions.has(WriteWebhooks.name);
}

export function urlFor(permissions: Permissions, url: string): string {
  return seesWholeUrls(permissions) || !URL.canParse(url) ? url : new URL(url).origin;
}
