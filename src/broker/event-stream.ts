import { Injectable } from '@nestjs/common';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { StreamConfig } from '@nats-io/jetstream';
import { isUUID } from 'class-validator';
import { PermissionViolationError, TimeoutError, headers, nanos } from '@nats-io/transport-node';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';

import type { CloudEvent } from '../events/index.js';
import { Config } from '../platform/config/config.js';
import { CallRefused } from '../platform/outgoing/circuit.js';
import { Outgoing } from '../platform/outgoing/outgoing.js';
import type { OutgoingPolicy } from '../platform/outgoing/outgoing.js';
import { Logs } from '../platform/logging/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { BrokerConnection } from './broker-connection.js';

export const STREAM = 'ROSTER_EVENTS';
export const SUBJECTS = 'roster.events';
/** A second message of one id is dropped within this: longer than any of our processes stands between sending and knowing. */
const DUPLICATES_WITHIN = 600_000;
/** For the acknowledgement of a message, and for all of a batch. Milliseconds. */
const PATIENCE = 1500;
const MANNERS = {
  timeout: 4500,
  retries: 0,
  breaker: { failures: 5, resetAfter: 1000 },
  concurrency: 1,
  queue: 1,
};

/** By it JetStream knows a message that it has. */
const MESSAGE_ID = 'Nats-Msg-Id';
/** A message is this much longer than its event: our headers and those of the client. Bytes, and some to spare. */
const HEADERS = 400;

/** What NATS refuses for ever may not keep back whatever comes after it: so much of it is told as fits. */
interface Carried {
  readonly text: string;
  readonly isWhole: boolean;
}

/** Not all of a batch was stored: only so many, from its beginning. */
export class NotAllStored extends Error {
  constructor(
    readonly stored: number,
    override readonly cause: unknown,
  ) {
    super('JetStream did not store every event');
  }
}

/** The stream of JetStream that our events are published to, each by its type. */
@Injectable()
export class EventStream {
  private ensured: NatsConnection | null = null;
  private asked: NatsConnection | null = null;
  private policy: OutgoingPolicy | null = null;
  /** The longest message that the stream takes. Bytes. */
  private most = Number.POSITIVE_INFINITY;
  private readonly published;
  private readonly log;

  constructor(
    private readonly config: Config,
    private readonly connection: BrokerConnection,
    private readonly outgoing: Outgoing,
    metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('broker');
    this.published = metrics.counter('broker_events_total', 'Events given to NATS, by what became of them', ['result']);
  }

  /** Somebody has said where NATS is. */
  get isWanted(): boolean {
    return this.connection.isWanted;
  }

  /** There is somebody to publish to at this moment. */
  get isThere(): boolean {
    return this.connection.current !== null;
  }

  open(): void {
    this.policy = this.outgoing.policy('jetstream', MANNERS);
    this.connection.open();
  }

  /**
   * The id of the newest event of the stream: all before it are there as well. Asked once for each connection, for what
   * was sent on the one before may have been stored though nobody told us. @returns null later, and where there is none
   */
  async newest(): Promise<string | null> {
    return this.asked === this.connection.current ? null : this.attempt((session) => this.newestOn(session));
  }

  /** Settles when every event is stored. @throws NotAllStored, or why none could be sent */
  publish(events: readonly CloudEvent[]): Promise<void> {
    return this.attempt((session) => this.publishOn(session, events));
  }

  private async attempt<T>(work: (session: NatsConnection) => Promise<T>): Promise<T> {
    const session = this.connection.current;
    if (!session) throw new NotAllStored(0, new Error('NATS is away'));
    try {
      const result = await this.policy!.execute(() => work(session));
      this.connection.report(null);
      return result;
    } catch (error) {
      // What is wrong was told by the calls that were made.
      if (!(error instanceof CallRefused))
        this.connection.report(`Events wait in the database: ${String((error as Error).cause ?? error)}`);
      throw error;
    }
  }

  /** Nothing waits here: whatever went wrong is over, or is another process's to tell. */
  restsWell(): void {
    this.connection.report(null);
  }

  private async newestOn(session: NatsConnection): Promise<string | null> {
    await this.ensure(session);
    const { streams } = await jetstreamManager(session, { timeout: PATIENCE });
    const message = await streams.getMessage(STREAM, { last_by_subj: `${SUBJECTS}.>` }).catch((error: unknown) => {
      if (!(error instanceof PermissionViolationError)) throw error;
      this.log.warn({ err: error }, 'The stream may not be read: after a long outage events may be in it twice');
      return null;
    });
    this.asked = session;
    const id = message?.header.get(MESSAGE_ID);
    return isUUID(id) ? id! : null;
  }

  private async publishOn(session: NatsConnection, events: readonly CloudEvent[]): Promise<void> {
    await this.ensure(session);
    const client = jetstream(session);
    const most = Math.min(session.info?.max_payload ?? Number.POSITIVE_INFINITY, this.most) - HEADERS;
    const carried = events.map((event) => carriedOf(event, most));
    const sent = await Promise.allSettled(
      events.map((event, place) => {
        // Behind the one before it or not at all: a message that was refused leaves no gap behind which others stand.
        const before = events[place - 1]?.id;
        return client.publish(`${SUBJECTS}.${event.type}`, carried[place]!.text, {
          msgID: event.id,
          headers: asCloudEvent(),
          timeout: PATIENCE,
          expect: { streamName: STREAM, ...(before === undefined ? {} : { lastMsgID: before }) },
        });
      }),
    );
    sent.forEach((each, place) => this.count(resultOf(each), events[place]!, carried[place]!));
    const failed = sent.findIndex(({ status }) => status === 'rejected');
    if (failed === -1) return;
    // The operator has made it smaller since we looked: the next try looks again.
    if (sent.some((each) => each.status === 'rejected' && codeOf(each.reason) === TOO_LARGE)) this.ensured = null;
    // Nobody may be reading on the other side: what we sent must not arrive after what is sent again.
    if (sent.some((each) => each.status === 'rejected' && each.reason instanceof TimeoutError))
      this.connection.drop(session);
    throw new NotAllStored(failed, (sent[failed] as PromiseRejectedResult).reason);
  }

  private count(result: ReturnType<typeof resultOf>, { id, type }: CloudEvent, { isWhole }: Carried): void {
    if (isWhole || result !== 'stored') this.published.inc({ result });
    else {
      this.published.inc({ result: 'too_large' });
      this.log.warn({ id, type }, 'An event is too large for NATS: only its reference was published');
    }
  }

  /** Once for each connection: the stream may be another one than before. What operators say of it stays as it is. */
  private async ensure(session: NatsConnection): Promise<void> {
    if (this.ensured === session) return;
    const { streams } = await jetstreamManager(session, { timeout: PATIENCE });
    const ours = {
      subjects: [`${SUBJECTS}.>`],
      max_age: nanos(this.config.values.NATS_EVENTS_KEPT),
      duplicate_window: nanos(DUPLICATES_WITHIN),
    };
    const present = await streams.info(STREAM).catch((error: unknown) => {
      if (codeOf(error) === STREAM_UNKNOWN) return null;
      throw error;
    });
    const { max_msg_size: most = -1 } = present?.config ?? {};
    this.most = most > 0 ? most : Number.POSITIVE_INFINITY;
    if (!present) await streams.add({ name: STREAM, description: 'Events of Roster, as CloudEvents', ...ours });
    else if (!agrees(present.config, ours)) await streams.update(STREAM, { ...present.config, ...ours });
    this.ensured = session;
  }
}

/** JetStream's codes of errors. */
const STREAM_UNKNOWN = 10_059;
const TOO_LARGE = 10_054;

function codeOf(error: unknown): number | undefined {
  return (error as { code?: number }).code;
}

/** In place of an event that is too large stands where to read it: CloudEvents' extension `dataref`. */
function carriedOf(event: CloudEvent, most: number): Carried {
  const text = JSON.stringify(event);
  if (Buffer.byteLength(text) <= most) return { text, isWhole: true };
  const { data: _, datacontenttype: __, ...told } = event;
  const dataref = `${event.source}/api/v1/events/${event.id}`;
  return { text: JSON.stringify({ ...told, dataref }), isWhole: false };
}

/** CloudEvents 1.0, structured mode: the message is the event. New for each: the client writes its own into it. */
function asCloudEvent(): MsgHdrs {
  const made = headers();
  made.set('content-type', 'application/cloudevents+json; charset=utf-8');
  return made;
}

function agrees(present: StreamConfig, ours: Partial<StreamConfig>): boolean {
  return Object.entries(ours).every(
    ([name, value]) => JSON.stringify(present[name as keyof StreamConfig]) === JSON.stringify(value),
  );
}

function resultOf(sent: PromiseSettledResult<{ duplicate: boolean }>): 'stored' | 'duplicate' | 'failed' {
  if (sent.status === 'rejected') return 'failed';
  return sent.value.duplicate ? 'duplicate' : 'stored';
}
