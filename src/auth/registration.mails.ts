import { defineMail } from '../mail/index.js';

export const ConfirmAddress = defineMail<{ name: string; code: string }>('confirm-address', {
  subject: 'Your code: {{code}}',
  paragraphs: [
    'Hello {{name}},',
    'your code is {{code}}. It is good for ten minutes.',
    'If you did not ask for an account, ignore this mail: nothing has been created.',
  ],
});

export const AccountExists = defineMail<{ name: string; code: string }>('account-exists', {
  subject: 'You already have an account',
  paragraphs: [
    'Hello {{name}},',
    'somebody, perhaps you, asked for an account with this address. It has one already: sign in with it.',
    'If it was not you, ignore this mail: nothing has changed.',
  ],
});
