import { setTimeout as pause } from 'node:timers/promises';

import type { TestApp } from '../harness/app.js';

/** As long as a busy machine may need; whoever waits goes on at once. Milliseconds. */
const PATIENCE = 30_000;

export interface Message {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly createdAt: Date;
}

/** What lies in the outbox for exactly this address, newest first; the page shows the newest hundred alone. */
export function mailTo(app: TestApp, address: string): Promise<Message[]> {
  return app.sql<Message>(
    `SELECT id, recipient AS to, subject, text, html, created_at AS "createdAt" FROM roster.mail_messages
     WHERE recipient = $1 ORDER BY created_at DESC, id DESC`,
    [address],
  );
}

/** Waits until so many mails for this address lie in the outbox. */
export async function awaitMail(app: TestApp, address: string, count = 1): Promise<Message[]> {
  for (const since = performance.now(); ; await pause(20)) {
    const messages = await mailTo(app, address);
    if (messages.length >= count) return messages;
    if (performance.now() - since > PATIENCE) throw new Error(`${address} got ${messages.length} mails`);
  }
}

/** The newest mail with these words. Two that were sent one after the other may arrive the other way round. */
export async function awaitWords(app: TestApp, address: string, words: string): Promise<Message> {
  for (const since = performance.now(); ; await pause(20)) {
    const messages = await mailTo(app, address);
    const found = messages.find(({ text }) => text.includes(words));
    if (found) return found;
    if (performance.now() - since > PATIENCE)
      throw new Error(`${address} got "${words}" in none of ${messages.length} mails`);
  }
}

export function codeIn({ text }: Message): string {
  return /\b\d{6}\b/.exec(text)![0];
}

/** The token of the link. */
export function tokenIn({ text }: Message): string {
  return /#token=([A-Za-z0-9_-]{43})/.exec(text)![1]!;
}

/** A code of six digits that is not this one. */
export function otherThan(code: string): string {
  return code === '000000' ? '000001' : '000000';
}
