import { setTimeout as pause } from 'node:timers/promises';

import { TestApp } from '../harness/app.js';
import type { TestAppOptions } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import type { Person } from '../harness/people.js';
import { settled } from '../events/settled.js';
import { awaitThat } from '../jobs/awaited.js';
import { mailTo } from '../mail/mailbox.js';
import type { Message } from '../mail/mailbox.js';

export interface Hook {
  readonly id: string;
  readonly url: string;
  readonly secret: string;
  readonly state: string;
  readonly disabledReason: string | null;
  readonly failingSince: string | null;
  readonly lastSuccessAt: string | null;
  readonly version: number;
}

export interface Delivery {
  readonly id: string;
  readonly kind: string;
  readonly replayId: string | null;
  readonly eventId: string;
  readonly eventType: string;
  readonly state: string;
  readonly attempts: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly latencyMs: number | null;
  readonly nextAttemptAt: string | null;
  readonly lastAttemptAt: string | null;
}

export interface DeliveryDetails extends Delivery {
  readonly request: { url: string | null; headers: Record<string, string>; body: string };
  readonly answer: { status: number; headers: Record<string, string>; body: string } | null;
  readonly tries: { at: string; status: number | null; error: string | null; latencyMs: number }[];
}

/** Receivers of tests listen on loopback. */
export const LOOPBACK = { WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8' };

/** An application on a database of its own, that may call loopback. */
export async function startHooks(
  name: string,
  settings: Record<string, string> = {},
  options: Partial<TestAppOptions> = {},
): Promise<TestApp> {
  const database = options.database ?? (await freshDatabase(name));
  return TestApp.start({ ...options, database, settings: { ...LOOPBACK, ...settings } });
}

/** An administrator whose key outlives every move of the clock. */
export async function aKeeper(app: TestApp): Promise<Person> {
  const scopes = ['me', 'users:read', 'users:write', 'webhooks:read', 'webhooks:write', 'events:read'];
  return app.people.byKey(await app.people.admin(), scopes);
}

/** The mail that tells the maker of a webhook that it was disabled: others may lie there too. */
export async function noticeTo(app: TestApp, address: string): Promise<Message> {
  const isNotice = ({ subject }: Message): boolean => subject.startsWith('A webhook was disabled');
  const mails = await awaitThat(
    () => mailTo(app, address),
    (all) => all.some(isNotice),
  );
  return mails.find(isNotice)!;
}

/** Once nobody is to be told any more of what was done before. */
export async function makeHook(person: Person, url: string, terms?: Record<string, unknown>): Promise<Hook> {
  await settled(person.app);
  return addHook(person, url, terms);
}

export async function addHook(
  person: Person,
  url: string,
  terms: Record<string, unknown> = { eventTypes: ['user.created'] },
): Promise<Hook> {
  const { status, body, text } = await person.post<Hook>('/api/v1/webhooks', { url, ...terms });
  if (status !== 201) throw new Error(text);
  return body;
}

export async function deliveriesOf(person: Person, id: string, filter?: string): Promise<Delivery[]> {
  const query = filter === undefined ? '' : `&filter=${encodeURIComponent(filter)}`;
  const url = `/api/v1/webhooks/${id}/deliveries?limit=200&sort=createdAt${query}`;
  return (await person.get<{ data: Delivery[] }>(url)).body.data;
}

export async function deliveryOf(person: Person, id: string): Promise<DeliveryDetails> {
  return (await person.get<DeliveryDetails>(`/api/v1/webhook-deliveries/${id}`)).body;
}

/** Waits until the deliveries are as they should be. */
export async function awaitDeliveries(
  person: Person,
  id: string,
  are: (deliveries: Delivery[]) => boolean,
): Promise<Delivery[]> {
  for (const since = performance.now(); ; await pause(20)) {
    const deliveries = await deliveriesOf(person, id);
    if (are(deliveries)) return deliveries;
    if (performance.now() - since > 30_000) throw new Error(JSON.stringify(deliveries.slice(0, 5)));
  }
}

/** The types of the facts about a webhook, in the order of their commits. */
export async function factsAbout(app: TestApp, id: string): Promise<string[]> {
  const rows = await app.sql<{ type: string }>('SELECT type FROM roster.events WHERE subject = $1 ORDER BY xid, seq', [
    `webhooks/${id}`,
  ]);
  return rows.map(({ type }) => type);
}
