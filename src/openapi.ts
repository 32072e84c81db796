import type { Tag } from './platform/http/document.js';

/** The order in which people meet the API. */
export const TAGS: readonly Tag[] = [
  { name: 'auth', about: 'Registering, signing in, staying signed in' },
  { name: 'me', about: 'Your own account' },
  { name: 'mfa', about: 'Your second factors: authenticator apps, passkeys, recovery codes, trusted devices' },
  { name: 'users', about: 'Everybody’s accounts, for those who administer them' },
  { name: 'access', about: 'Roles and permissions: who may do what, and why' },
  { name: 'invitations', about: 'People who are asked to take over an account that was made for them' },
  { name: 'api-keys', about: 'Keys by which programs act for somebody' },
  { name: 'imports', about: 'Files of users, on their way in and out' },
  { name: 'audit', about: 'Who did what, to whom and from where; and the proof that nobody changed it' },
  { name: 'events', about: 'What happens, as CloudEvents: in pages, or as it is committed' },
  { name: 'jobs', about: 'Background work: what is done, how far it is, what failed, what the clock does' },
  { name: 'webhooks', about: 'Your servers, told of what happens: signed, tried again, in order if you ask' },
  { name: 'keys', about: 'Public keys, for whoever verifies our tokens' },
  { name: 'problems', about: 'Every failure, explained' },
  { name: 'health', about: 'For balancers and orchestrators' },
];
