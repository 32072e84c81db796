import { defineMail } from '../mail/index.js';

export const AccountToBeDeleted = defineMail<{ day: string }>('account-to-be-deleted', {
  en: {
    subject: 'Your account will be deleted',
    paragraphs: [
      'Hello,',
      'your account will be deleted on {{day}} (UTC), as you asked, and all sessions have ended.',
      'If you change your mind, sign in before that day and keep the account.',
      'If it was not you, sign in at once, keep the account, and change your password.',
    ],
  },
  de: {
    subject: 'Ihr Konto wird gelöscht',
    paragraphs: [
      'Guten Tag,',
      'Ihr Konto wird am {{day}} (UTC) gelöscht, wie Sie es gewünscht haben, und alle Sitzungen sind beendet.',
      'Wenn Sie es sich anders überlegen, melden Sie sich vor diesem Tag an und behalten Sie das Konto.',
      'Wenn Sie es nicht waren, melden Sie sich sofort an, behalten Sie das Konto und ändern Sie Ihr Passwort.',
    ],
  },
});
