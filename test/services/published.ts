import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

import { STREAM } from '../../src/broker/event-stream.js';
import type { CloudEvent } from '../../src/events/index.js';
import type { TestApp } from '../harness/app.js';
import { until } from './until.js';

/** A message as JetStream keeps it. */
export interface Published {
  readonly subject: string;
  readonly messageId: string;
  readonly contentType: string;
  readonly event: CloudEvent;
}

export async function publishedOn(connection: NatsConnection): Promise<Published[]> {
  const { streams } = await jetstreamManager(connection, { timeout: 30_000 });
  const { state } = await streams.info(STREAM);
  const found: Published[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
    const message = (await streams.getMessage(STREAM, { seq }))!;
    const { subject, header } = message;
    found.push({
      subject,
      messageId: header.get('Nats-Msg-Id'),
      contentType: header.get('content-type'),
      event: message.json<CloudEvent>(),
    });
  }
  return found;
}

/** The ids of the facts of an application, in the order of their commits. */
export async function idsOfFacts(app: TestApp): Promise<string[]> {
  const rows = await app.sql<{ id: string }>('SELECT id FROM roster.events ORDER BY xid, seq');
  return rows.map(({ id }) => id);
}

/** Waits until all facts that there are have been published. */
export async function awaitPublished(app: TestApp): Promise<void> {
  const left = `SELECT count(*)::int AS left FROM roster.events
    WHERE (xid, seq) > (SELECT coalesce(max(xid), '0'::xid8), coalesce(max(seq), 0) FROM roster.event_cursors WHERE reader = 'broker')`;
  await until('every fact is published', async () => (await app.sql<{ left: number }>(left))[0]!.left === 0);
}
