import { defineEvent } from '../platform/contract/event.js';

export const SigningKeyRotated = defineEvent('signing_key.rotated', 'Another key signs access tokens from now on', {
  kid: 'string',
});
