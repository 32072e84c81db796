import type { CloudEvent } from '../../../../src/events/index.js';
import { patiently } from '../../../harness/patience.js';
import type { Receiver } from '../../../webhooks/receiver.js';
import { verifyWebhook } from '../../../webhooks/verifier.js';
import { told, toldBy } from '../told.js';
import type { Told } from '../judge.js';
import type { EventReader, Place } from './reader.js';

interface EntryPage {
  readonly data: readonly {
    readonly id: string;
    readonly type: string;
    readonly subject: string | null;
    readonly subjectVersion: number | null;
    readonly occurredAt: string;
    readonly data: object;
  }[];
  readonly page: { readonly nextCursor: string | null };
}

/** A server that webhooks are sent to. */
export function webhookReader(receiver: Receiver, secret: string): EventReader {
  const verify = async (): Promise<void> => {
    for (const { raw, headers } of receiver.received) {
      const signedAt = Number(headers['webhook-timestamp']) * 1000;
      const event = await verifyWebhook<CloudEvent>(raw, headers as Record<string, string>, secret, signedAt);
      if (event.id !== headers['webhook-id']) throw new Error(`A webhook with two ids: ${raw}`);
    }
  };
  return pushedReader('webhook', receiver, verify);
}

/** What was posted to a server, whoever did. */
export function pushedReader(name: string, receiver: Receiver, stop: () => Promise<void>): EventReader {
  const received: Told[] = [];
  return {
    name,
    get received() {
      // What came since the last look.
      received.push(...receiver.received.slice(received.length).map(({ event }) => toldBy(event as CloudEvent)));
      return received;
    },
    stop,
  };
}

/** The audit log, whole: the oldest entry first. */
export async function readAudit({ fleet, token, chance }: Place): Promise<Told[]> {
  const entries: Told[] = [];
  for (let cursor: string | null = '', url = fleet.url(chance); cursor !== null;) {
    const query = new URLSearchParams({ limit: '200', sort: 'occurredAt', ...(cursor === '' ? {} : { cursor }) });
    const answer = await patiently(
      () => fetch(`${url}/api/v1/audit?${query}`, { headers: { authorization: `Bearer ${token}` } }),
      ({ headers }) => headers.get('retry-after') ?? undefined,
    );
    if (answer.status !== 200) throw new Error(await answer.text());
    const { data, page } = (await answer.json()) as EntryPage;
    entries.push(
      ...data.map(({ subjectVersion, occurredAt, ...same }) =>
        told({ ...same, version: subjectVersion, time: occurredAt }),
      ),
    );
    cursor = page.nextCursor;
  }
  return entries;
}
