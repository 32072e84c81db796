import { setTimeout as pause } from 'node:timers/promises';

import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { Consumer, JsMsg } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';

import type { UserEvent } from './greeter.ts';

const STREAM = 'ROSTER_EVENTS';
/** Under this name JetStream remembers what we have acknowledged, also while we are away. */
const DURABLE = 'greeting-ledger';
/** Milliseconds. */
const TRIES_AGAIN_AFTER = 1000;
const ACKNOWLEDGED_WITHIN = 10_000;

/**
 * Hears the events about users, one after the other: each until it was understood, and the next not before.
 * @param stopped ends it after the event that is at hand
 */
export async function hearEvents(
  connection: NatsConnection,
  hear: (event: UserEvent) => Promise<void>,
  stopped: AbortSignal,
): Promise<void> {
  const consumer = await consumerOn(connection, stopped);
  if (!consumer) return;
  const messages = await consumer.consume({ max_messages: 10 });
  stopped.addEventListener('abort', () => void messages.close());
  for await (const message of messages) await take(message, hear);
}

async function take(message: JsMsg, hear: (event: UserEvent) => Promise<void>): Promise<void> {
  try {
    await hear(message.json<UserEvent>());
    message.ack();
  } catch (error) {
    console.error(`It comes again in a second: ${String(error)}`);
    message.nak(TRIES_AGAIN_AFTER);
  }
}

/** Roster makes the stream when it first meets NATS: until then there is none. */
async function consumerOn(connection: NatsConnection, stopped: AbortSignal): Promise<Consumer | null> {
  while (!stopped.aborted)
    try {
      const { consumers } = await jetstreamManager(connection);
      await consumers.add(STREAM, {
        durable_name: DURABLE,
        filter_subject: 'roster.events.user.*',
        ack_policy: AckPolicy.Explicit,
        ack_wait: nanos(ACKNOWLEDGED_WITHIN),
        // One at a time: what has to come again is not overtaken.
        max_ack_pending: 1,
      });
      return await jetstream(connection).consumers.get(STREAM, DURABLE);
    } catch (error) {
      console.error(`There is no stream ${STREAM} yet: ${String(error)}`);
      await pause(TRIES_AGAIN_AFTER);
    }
  return null;
}
