import { defineMail } from '../../mail/index.js';

// None repeats what was typed into a form: whoever fills it in would choose words that we mail to a stranger.

interface Proofs {
  readonly code: string;
  readonly link: string;
}

const CODE_EN = 'Or type this code where you began; it is good for ten minutes:';
const CODE_DE = 'Oder geben Sie dort, wo Sie begonnen haben, diesen Code ein; er gilt zehn Minuten:';

export const ConfirmAddress = defineMail<Proofs>('confirm-address', {
  en: {
    subject: 'Confirm your address',
    paragraphs: [
      'Hello,',
      'confirm that this address is yours:',
      '{{link}}',
      CODE_EN,
      '{{code}}',
      'If you did not ask for this, ignore this mail: nothing has changed.',
    ],
    action: 'Confirm the address',
  },
  de: {
    subject: 'Bestätigen Sie Ihre Adresse',
    paragraphs: [
      'Guten Tag,',
      'bitte bestätigen Sie, dass diese Adresse Ihre ist:',
      '{{link}}',
      CODE_DE,
      '{{code}}',
      'Wenn Sie darum nicht gebeten haben, beachten Sie diese Nachricht nicht: Es hat sich nichts geändert.',
    ],
    action: 'Adresse bestätigen',
  },
});

/** Is given a code and a link too, and says neither: both letters weigh the same in the queue. */
export const AccountExists = defineMail<Proofs>('account-exists', {
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
      'jemand, vielleicht Sie selbst, hat mit dieser Adresse ein Konto angefordert. Es gibt schon eines: Melden Sie sich damit an.',
      'Wenn Sie es nicht waren, beachten Sie diese Nachricht nicht: Es hat sich nichts geändert.',
    ],
  },
});

export const ResetPassword = defineMail<Proofs>('reset-password', {
  en: {
    subject: 'Choose a new password',
    paragraphs: [
      'Hello,',
      'a new password was asked for. Choose it here, within half an hour:',
      '{{link}}',
      CODE_EN,
      '{{code}}',
      'If you did not ask for it, ignore this mail: your password stays as it is.',
    ],
    action: 'Choose a new password',
  },
  de: {
    subject: 'Wählen Sie ein neues Passwort',
    paragraphs: [
      'Guten Tag,',
      'es wurde ein neues Passwort angefordert. Wählen Sie es hier, innerhalb einer halben Stunde:',
      '{{link}}',
      CODE_DE,
      '{{code}}',
      'Wenn Sie es nicht angefordert haben, beachten Sie diese Nachricht nicht: Ihr Passwort bleibt, wie es ist.',
    ],
    action: 'Neues Passwort wählen',
  },
});

export const PasswordWasChanged = defineMail<Record<string, never>>('password-changed', {
  en: {
    subject: 'Your password was changed',
    paragraphs: [
      'Hello,',
      'your account has a new password, and your other sessions have ended.',
      'If it was not you, ask for a new password at once: this address is still yours.',
    ],
  },
  de: {
    subject: 'Ihr Passwort wurde geändert',
    paragraphs: [
      'Guten Tag,',
      'Ihr Konto hat ein neues Passwort, und Ihre anderen Sitzungen sind beendet.',
      'Wenn Sie es nicht waren, fordern Sie sofort ein neues Passwort an: Diese Adresse gehört noch immer Ihnen.',
    ],
  },
});

export const SignInLink = defineMail<Proofs>('sign-in-link', {
  en: {
    subject: 'Sign in',
    paragraphs: [
      'Hello,',
      'sign in with this link, within a quarter of an hour:',
      '{{link}}',
      CODE_EN,
      '{{code}}',
      'If you did not ask for it, ignore this mail. Give the code to nobody.',
    ],
    action: 'Sign in',
  },
  de: {
    subject: 'Anmelden',
    paragraphs: [
      'Guten Tag,',
      'melden Sie sich mit diesem Link an, innerhalb einer Viertelstunde:',
      '{{link}}',
      CODE_DE,
      '{{code}}',
      'Wenn Sie darum nicht gebeten haben, beachten Sie diese Nachricht nicht. Geben Sie den Code niemandem.',
    ],
    action: 'Anmelden',
  },
});

export const NewDevice = defineMail<{ device: string; at: string }>('new-device', {
  en: {
    subject: 'A new device signed in',
    paragraphs: [
      'Hello,',
      'somebody signed in to your account from a device that we do not know: {{device}}, {{at}}.',
      'If it was not you, change your password and end your other sessions.',
    ],
  },
  de: {
    subject: 'Anmeldung von einem neuen Gerät',
    paragraphs: [
      'Guten Tag,',
      'jemand hat sich von einem unbekannten Gerät aus in Ihrem Konto angemeldet: {{device}}, {{at}}.',
      'Wenn Sie es nicht waren, ändern Sie Ihr Passwort und beenden Sie Ihre anderen Sitzungen.',
    ],
  },
});

/** To the address that the account has, when another is wanted for it. Of its proofs it shows the link alone: it is good for a week. */
export const AddressChanging = defineMail<Proofs>('address-changing', {
  en: {
    subject: 'Your account is to have another address',
    paragraphs: [
      'Hello,',
      'another e-mail address was asked for your account by somebody who is signed in to it, or given to it by an administrator.',
      'If it was not you, stop it here. It also undoes the change for a week, and ends all sessions:',
    ],
    action: 'It was not me',
  },
  de: {
    subject: 'Ihr Konto soll eine andere Adresse bekommen',
    paragraphs: [
      'Guten Tag,',
      'für Ihr Konto wurde eine andere E-Mail-Adresse gewünscht, von jemandem, der darin angemeldet ist, oder von der Verwaltung vergeben.',
      'Wenn Sie es nicht waren, halten Sie es hier auf. Eine Woche lang macht das auch die Änderung rückgängig und beendet alle Sitzungen:',
    ],
    action: 'Das war ich nicht',
  },
});

export const Invited = defineMail<Proofs>('invitation', {
  en: {
    subject: 'You are invited',
    paragraphs: [
      'Hello,',
      'there is an account for you. Choose a password within a week, and it is yours:',
      '{{link}}',
      CODE_EN,
      '{{code}}',
      'If you do not expect this, ignore this mail.',
    ],
    action: 'Accept the invitation',
  },
  de: {
    subject: 'Sie sind eingeladen',
    paragraphs: [
      'Guten Tag,',
      'es gibt ein Konto für Sie. Wählen Sie innerhalb einer Woche ein Passwort, dann gehört es Ihnen:',
      '{{link}}',
      CODE_DE,
      '{{code}}',
      'Wenn Sie das nicht erwarten, beachten Sie diese Nachricht nicht.',
    ],
    action: 'Einladung annehmen',
  },
});
