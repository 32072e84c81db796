import { defineMail } from '../mail/index.js';

// Neither repeats what was typed into the form: whoever fills it in would choose words that we mail to a stranger.

export const ConfirmAddress = defineMail<{ code: string }>('confirm-address', {
  subject: 'Your code: {{code}}',
  paragraphs: [
    'Hello,',
    'your code is {{code}}. It is good for ten minutes.',
    'If you did not ask for an account, ignore this mail: nothing has been created.',
  ],
});

/** Is given a code too, and does not say it: both letters weigh the same in the queue. */
export const AccountExists = defineMail<{ code: string }>('account-exists', {
  subject: 'You already have an account',
  paragraphs: [
    'Hello,',
    'somebody, perhaps you, asked for an account with this address. It has one already: sign in with it.',
    'If it was not you, ignore this mail: nothing has changed.',
  ],
});
