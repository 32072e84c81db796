import { defineMail, languageOf } from '../mail/index.js';

/** What can happen to a credential. No name that somebody gave stands in it: a thief would choose words that we mail. */
const CHANGES = {
  totp_added: ['An authenticator app was added.', 'Eine Authenticator-App wurde hinzugefügt.'],
  totp_renamed: ['An authenticator app was renamed.', 'Eine Authenticator-App wurde umbenannt.'],
  totp_removed: ['An authenticator app was removed.', 'Eine Authenticator-App wurde entfernt.'],
  passkey_added: ['A passkey was added.', 'Ein Passkey wurde hinzugefügt.'],
  passkey_renamed: ['A passkey was renamed.', 'Ein Passkey wurde umbenannt.'],
  passkey_removed: ['A passkey was removed.', 'Ein Passkey wurde entfernt.'],
  codes_made: [
    'New recovery codes were made; older ones are void.',
    'Neue Wiederherstellungscodes wurden erstellt; ältere gelten nicht mehr.',
  ],
  codes_removed: ['The recovery codes were removed.', 'Die Wiederherstellungscodes wurden entfernt.'],
  code_used: ['A recovery code was used to sign in.', 'Ein Wiederherstellungscode wurde zur Anmeldung verwendet.'],
  device_added: [
    'A device is trusted from now on: it needs no second factor for 30 days.',
    'Einem Gerät wird ab jetzt vertraut: Es braucht 30 Tage lang keinen zweiten Faktor.',
  ],
  devices_removed: ['A device is no longer trusted.', 'Einem Gerät wird nicht mehr vertraut.'],
  reset: [
    'An administrator removed all second factors, recovery codes and trusted devices.',
    'Eine Administratorin oder ein Administrator hat alle zweiten Faktoren, Wiederherstellungscodes und vertrauten Geräte entfernt.',
  ],
} as const;
export type CredentialChange = keyof typeof CHANGES;

export interface CredentialsChangedValues {
  readonly changes: string;
  readonly at: string;
}

const LETTER = {
  en: {
    subject: 'Your sign-in has changed',
    paragraphs: [
      'Hello,',
      'something has changed about how you sign in ({{at}}):',
      '{{changes}}',
      'If this was not you, change your password at once and tell an administrator.',
    ],
  },
  de: {
    subject: 'Ihre Anmeldung hat sich geändert',
    paragraphs: [
      'Guten Tag,',
      'an Ihrer Anmeldung hat sich etwas geändert ({{at}}):',
      '{{changes}}',
      'Wenn Sie das nicht waren, ändern Sie sofort Ihr Passwort und wenden Sie sich an eine Administratorin oder einen Administrator.',
    ],
  },
} as const;

export const CredentialsChanged = defineMail<CredentialsChangedValues>('credentials-changed', LETTER);

/** In the language of the letter. */
export function wordsOf(
  changes: readonly CredentialChange[],
  { locale }: { readonly locale: string },
  at: Date,
): CredentialsChangedValues {
  const language = languageOf(locale) === 'de' ? 1 : 0;
  return {
    changes: changes.map((change) => CHANGES[change][language]).join(' '),
    at: `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
  };
}
