export { languageOf } from './layout.js';
export { MailModule } from './mail.module.js';
export { Mail } from './mail.service.js';
export type { Recipient } from './mail.service.js';
export { defineMail } from './template.js';
