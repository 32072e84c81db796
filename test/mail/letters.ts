import { Mail, defineMail } from '../../src/mail/index.js';
import type { Recipient } from '../../src/mail/index.js';
import { Database } from '../../src/platform/database/database.js';
import type { TestApp } from '../harness/app.js';
import { PASSWORD } from '../harness/people.js';

export const Invitation = defineMail<{ name: string; code: string; link: string }>('test-invitation', {
  en: {
    subject: 'Welcome, {{name}}',
    paragraphs: ['Hello {{name}},', 'your code is', '{{code}}', '{{link}}', 'See you & yours soon.'],
    action: 'Accept the invitation',
  },
  de: {
    subject: 'Willkommen, {{name}}',
    paragraphs: ['Guten Tag {{name}},', 'Ihr Code lautet', '{{code}}', 'Bis bald, schöne Grüße'],
    action: 'Einladung annehmen',
  },
});

export const LINK = 'https://id.example.com/account/invitation#token=abc&more';
export const VALUES = { name: 'Ada Lovelace', code: '123456', link: LINK };

/** What a mail is sent with, and the application that sends it. */
export function sending(app: TestApp) {
  return (to: Recipient | null, values: Partial<typeof VALUES> = {}) =>
    app.get(Database).transaction(() => app.get(Mail).send(Invitation, to, { ...VALUES, ...values }));
}

export const register = (app: TestApp, email: string, locale = 'en') =>
  app.send<{ flowId: string }>('POST', '/api/v1/auth/register', { body: { email, password: PASSWORD, locale } });
