import type { AccountPage } from '../accounts/account-links.js';

interface PageWords {
  readonly title: string;
  readonly text: string;
  readonly button: string;
  readonly done: string;
}
interface CommonWords {
  readonly name: string;
  readonly 'new-password': string;
  readonly password: string;
  readonly code: string;
  readonly passkey: string;
  readonly noscript: string;
  /** By the code of a problem, and for what the script notices by itself. */
  readonly told: Readonly<Record<string, string>>;
}
export type PageLanguage = 'en' | 'de';

/** What the pages behind the links of mails say. */
export const PAGE_WORDS: Readonly<
  Record<PageLanguage, { pages: Readonly<Record<AccountPage, PageWords>>; common: CommonWords }>
> = {
  en: {
    pages: {
      'verify-email': {
        title: 'Confirm your address',
        text: 'Press the button to confirm that the address to which this mail was sent is yours.',
        button: 'Confirm the address',
        done: 'Your address is confirmed. You can close this page and sign in.',
      },
      'revert-email': {
        title: 'Undo the change of the address',
        text: 'Your account keeps this address, or gets it back. All sessions end, and a mail offers you a new password.',
        button: 'It was not me: undo it',
        done: 'Done. All sessions have ended; look for the mail with a new password.',
      },
      'reset-password': {
        title: 'Choose a new password',
        text: 'At least 15 characters, of any kind: a short sentence is best. All your sessions end.',
        button: 'Save the password',
        done: 'Your password is changed. You can close this page and sign in.',
      },
      'sign-in': {
        title: 'Sign in',
        text: 'Press the button to sign in in this browser.',
        button: 'Sign in',
        done: 'You are signed in.',
      },
      'accept-invitation': {
        title: 'Accept the invitation',
        text: 'Choose a password for your account: at least 15 characters, of any kind.',
        button: 'Accept',
        done: 'The account is yours. You can close this page and sign in.',
      },
    },
    common: {
      name: 'Your name (if it is to be another one)',
      'new-password': 'New password',
      password: 'The password that you chose when you registered',
      code: 'Code of your authenticator app, or a recovery code',
      passkey: 'Use a passkey',
      noscript: 'This page needs JavaScript. Or type the code of the mail where you began.',
      told: {
        incomplete: 'The link is not complete: open it from the mail once more.',
        unreachable: 'The server cannot be reached. Try again.',
        password: 'Type the password that you chose when you registered.',
        factor: 'Your account has a second factor: show it too.',
        link_invalid: 'This link was used already, is too old, or a newer one was sent.',
        password_incorrect: 'That is not the password of this registration.',
        factor_invalid: 'That is not right.',
        passkey_cancelled: 'The passkey was not shown. Try again, or use another way.',
        email_taken: 'This address belongs to another account by now.',
        too_many_codes: 'Too many wrong codes. Wait a little, or use a recovery code.',
        too_many_guesses: 'Too many wrong tries. Wait a little, then try again.',
      },
    },
  },
  de: {
    pages: {
      'verify-email': {
        title: 'Adresse bestätigen',
        text: 'Drücken Sie auf den Knopf, um zu bestätigen, dass die Adresse, an die diese Nachricht ging, Ihre ist.',
        button: 'Adresse bestätigen',
        done: 'Ihre Adresse ist bestätigt. Sie können diese Seite schließen und sich anmelden.',
      },
      'revert-email': {
        title: 'Änderung der Adresse rückgängig machen',
        text: 'Ihr Konto behält diese Adresse oder bekommt sie zurück. Alle Sitzungen enden, und Sie bekommen eine Nachricht, um ein neues Passwort zu wählen.',
        button: 'Das war ich nicht: rückgängig machen',
        done: 'Erledigt. Alle Sitzungen sind beendet; eine Nachricht für ein neues Passwort ist unterwegs.',
      },
      'reset-password': {
        title: 'Neues Passwort wählen',
        text: 'Mindestens 15 beliebige Zeichen: am besten ein kurzer Satz. Alle Ihre Sitzungen enden.',
        button: 'Passwort speichern',
        done: 'Ihr Passwort ist geändert. Sie können diese Seite schließen und sich anmelden.',
      },
      'sign-in': {
        title: 'Anmelden',
        text: 'Drücken Sie auf den Knopf, um sich in diesem Browser anzumelden.',
        button: 'Anmelden',
        done: 'Sie sind angemeldet.',
      },
      'accept-invitation': {
        title: 'Einladung annehmen',
        text: 'Wählen Sie ein Passwort für Ihr Konto: mindestens 15 beliebige Zeichen.',
        button: 'Annehmen',
        done: 'Das Konto gehört Ihnen. Sie können diese Seite schließen und sich anmelden.',
      },
    },
    common: {
      name: 'Ihr Name (falls er anders lauten soll)',
      'new-password': 'Neues Passwort',
      password: 'Das Passwort, das Sie bei der Registrierung gewählt haben',
      code: 'Code Ihrer Authenticator-App oder ein Wiederherstellungscode',
      passkey: 'Passkey verwenden',
      noscript:
        'Diese Seite braucht JavaScript. Oder geben Sie den Code der Nachricht dort ein, wo Sie begonnen haben.',
      told: {
        incomplete: 'Der Link ist unvollständig: Öffnen Sie ihn noch einmal aus der Nachricht.',
        unreachable: 'Der Server ist nicht erreichbar. Versuchen Sie es noch einmal.',
        password: 'Geben Sie das Passwort ein, das Sie bei der Registrierung gewählt haben.',
        factor: 'Ihr Konto hat einen zweiten Faktor: Zeigen Sie auch ihn.',
        link_invalid: 'Dieser Link wurde schon verwendet, ist zu alt, oder es gibt einen neueren.',
        password_incorrect: 'Das ist nicht das Passwort dieser Registrierung.',
        factor_invalid: 'Das ist nicht richtig.',
        passkey_cancelled: 'Der Passkey wurde nicht gezeigt. Versuchen Sie es noch einmal oder auf anderem Weg.',
        email_taken: 'Diese Adresse gehört inzwischen zu einem anderen Konto.',
        too_many_codes: 'Zu viele falsche Codes. Warten Sie ein wenig oder nehmen Sie einen Wiederherstellungscode.',
        too_many_guesses: 'Zu viele falsche Versuche. Warten Sie ein wenig.',
      },
    },
  },
};
