import { defineMail } from '../mail/index.js';

// None repeats what was typed into the form: whoever fills it in would choose words that we mail to a stranger.

export const ConfirmAddress = defineMail<{ code: string }>('confirm-address', {
  en: {
    subject: 'Your code: {{code}}',
    paragraphs: [
      'Hello,',
      'with this code you confirm your e-mail address:',
      '{{code}}',
      'It is good for ten minutes. Nobody from us will ever ask you for it.',
      'If you did not ask for an account, ignore this mail: nothing has been created.',
    ],
  },
  de: {
    subject: 'Ihr Code: {{code}}',
    paragraphs: [
      'Guten Tag,',
      'mit diesem Code bestätigen Sie Ihre E-Mail-Adresse:',
      '{{code}}',
      'Er gilt zehn Minuten. Niemand von uns wird Sie je danach fragen.',
      'Falls Sie kein Konto anlegen wollten, ignorieren Sie diese E-Mail einfach: Es ist nichts angelegt worden.',
    ],
  },
});

/** Is given a code too, and does not say it: both letters weigh the same in the queue. */
export const AccountExists = defineMail<{ code: string }>('account-exists', {
  en: {
    subject: 'You already have an account',
    paragraphs: [
      'Hello,',
      'somebody, perhaps you, asked for an account with this address. It has one already: sign in with it.',
      'If it was not you, ignore this mail: nothing has changed.',
    ],
  },
  de: {
    subject: 'Sie haben bereits ein Konto',
    paragraphs: [
      'Guten Tag,',
      'jemand, vielleicht Sie selbst, wollte mit dieser Adresse ein Konto anlegen. Es gibt aber schon eines: Melden Sie sich damit an.',
      'Falls Sie das nicht waren, können Sie diese E-Mail ignorieren: Es hat sich nichts geändert.',
    ],
  },
});
