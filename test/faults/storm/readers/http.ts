import { setTimeout as pause } from 'node:timers/promises';

import type { CloudEvent } from '../../../../src/events/index.js';
import { Reader } from '../../../events/reader.js';
import { Client } from '../../../realtime/clients.js';
import { toldBy } from '../told.js';
import type { Told } from '../judge.js';
import { Again } from './reader.js';
import type { EventReader, Place } from './reader.js';

/** Milliseconds between two looks whether a stream goes on. */
const LOOKS_EVERY = 10;
const LIMIT = 200;
const PATIENCE = 10_000;

/** Asks the feed for the next page, with the cursor of the last. */
export function feedReader({ fleet, token, chance }: Place): EventReader {
  const received: Told[] = [];
  let cursor: string | null = null;
  const again = new Again(async () => {
    const query = new URLSearchParams({ limit: String(LIMIT), ...(cursor === null ? {} : { cursor }) });
    const answer = await fetch(`${fleet.url(chance)}/api/v1/events?${query}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PATIENCE),
    });
    const page = (await answer.json()) as { data: CloudEvent[]; page: { nextCursor: string } };
    if (answer.status !== 200) return;
    received.push(...page.data.map(toldBy));
    cursor = page.page.nextCursor;
  });
  return { name: 'feed', received, stop: () => again.stop() };
}

/** Follows the stream, and comes again with `Last-Event-ID`. */
export function streamReader({ fleet, token, mark, chance }: Place): EventReader {
  const received: Told[] = [];
  let last = mark;
  const again = new Again(async (signal) => {
    const url = `${fleet.url(chance)}/api/v1/events/stream`;
    const reader = await Reader.open(url, token, { 'last-event-id': last });
    if (reader.answer.status !== 200) return reader.answer.body!.cancel();
    while (reader.endedAt === null && !signal.aborted) {
      received.push(...reader.events.splice(0).map(toldBy));
      await pause(LOOKS_EVERY);
    }
    reader.leave();
    received.push(...reader.events.splice(0).map(toldBy));
    last = reader.lastEventId ?? last;
  });
  return { name: 'stream', received, stop: () => again.stop() };
}

/** Listens on a socket, and goes on from the last event that it has had. */
export function socketReader({ fleet, token, mark, chance }: Place): EventReader {
  const received: Told[] = [];
  let last = mark;
  const again = new Again(async (signal) => {
    const client = new Client(fleet.url(chance), { token, lastEventId: last, events: true });
    const take = (): void => {
      const events = client.events.splice(0);
      received.push(...events.map(toldBy));
      last = events.at(-1)?.id ?? last;
    };
    while (client.gone === null && client.refusal === null && !signal.aborted) {
      take();
      await pause(LOOKS_EVERY);
    }
    client.close();
    take();
  });
  return { name: 'socket', received, stop: () => again.stop() };
}
