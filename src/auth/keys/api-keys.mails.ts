import { defineMail } from '../../mail/index.js';

/** Names it by its beginning alone: what its maker calls it may be meant to deceive. */
export const KeyMade = defineMail<{ prefix: string }>('key-made', {
  en: {
    subject: 'A key was made for your account',
    paragraphs: [
      'Hello,',
      'a program can act for you from now on, with a key that begins with {{prefix}}.',
      'If you do not expect this, revoke it among your personal tokens, and change your password.',
    ],
  },
  de: {
    subject: 'Für Ihr Konto wurde ein Schlüssel erstellt',
    paragraphs: [
      'Guten Tag,',
      'ein Programm kann ab jetzt für Sie handeln, mit einem Schlüssel, der mit {{prefix}} beginnt.',
      'Wenn Sie das nicht erwarten, widerrufen Sie ihn bei Ihren persönlichen Tokens, und ändern Sie Ihr Passwort.',
    ],
  },
});
