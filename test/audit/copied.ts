import { setTimeout as sleep } from 'node:timers/promises';

import type { TestApp } from '../harness/app.js';

const PATIENCE = 45_000;

/** Waits until everything that has happened so far is in the audit log. @returns the id of the newest fact */
export async function everythingCopied(app: Pick<TestApp, 'sql'>): Promise<string> {
  const [newest] = await app.sql<{ id: string }>('SELECT id FROM roster.events ORDER BY xid DESC, seq DESC LIMIT 1');
  const until = performance.now() + PATIENCE;
  const isCopied = async (): Promise<boolean> =>
    (await app.sql('SELECT 1 FROM roster.audit_entries WHERE id = $1', [newest!.id])).length > 0;
  while (!(await isCopied())) {
    if (performance.now() > until) throw new Error('The audit log lags too far behind');
    await sleep(20);
  }
  return newest!.id;
}
