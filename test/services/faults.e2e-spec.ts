import { jest } from '@jest/globals';
import { jetstream } from '@nats-io/jetstream';
import type { ConsumerMessages } from '@nats-io/jetstream';

import { STREAM } from '../../src/broker/event-stream.js';
import type { CloudEvent } from '../../src/events/index.js';
import type { Told } from '../faults/storm/judge.js';
import { Again } from '../faults/storm/readers/reader.js';
import type { EventReader } from '../faults/storm/readers/reader.js';
import { tableOf } from '../faults/storm/report.js';
import { faultsOf, seedOf } from '../faults/storm/seed.js';
import { storm } from '../faults/storm/storm.js';
import { toldBy } from '../faults/storm/told.js';
import { DebianNats } from './debian-nats.js';

const FAULTS = faultsOf();
/** Milliseconds: for the start and the end, and for each pair of faults on a busy machine. */
jest.setTimeout(480_000 + FAULTS * 40_000);

/** Consumes the stream from its first message; it is there once the first process has made it. */
async function natsReader(nats: DebianNats): Promise<EventReader> {
  const connection = await nats.connect();
  const received: Told[] = [];
  const again = new Again(async (signal) => {
    const consumer = await jetstream(connection).consumers.get(STREAM);
    const messages: ConsumerMessages = await consumer.consume();
    signal.addEventListener('abort', () => messages.stop());
    for await (const message of messages) {
      received.push(toldBy(message.json<CloudEvent>()));
      if (signal.aborted) return;
    }
  });
  const stop = async (): Promise<void> => {
    await again.stop();
    await connection.close();
  };
  return { name: 'NATS', received, stop };
}

describe(`${FAULTS} kills -9 and ${FAULTS} crashes of PostgreSQL, with eight who write and every reader`, () => {
  let nats: DebianNats;

  beforeAll(async () => {
    nats = await DebianNats.start('a-token-of-nats');
  });
  afterAll(() => nats?.stop());

  it('lose nothing that was acknowledged, leave nothing half-written, and no reader misses anything', async () => {
    const report = await storm({
      seed: seedOf(),
      kills: FAULTS,
      crashes: FAULTS,
      settings: { NATS_URL: nats.url },
      readers: async () => [await natsReader(nats)],
    });
    process.stdout.write(`\n${tableOf(report)}\n`);
    expect([report.findings, report.surprises]).toEqual([[], []]);
    expect(report.faults.filter(({ kind, inFlightThere }) => kind === 'kill' && inFlightThere > 0)).toHaveLength(
      FAULTS,
    );
    expect(report.faults.filter(({ kind, inFlight }) => kind === 'crash' && inFlight > 0)).toHaveLength(FAULTS);
    expect(Object.keys(report.verdict.readers).sort()).toEqual([
      'NATS',
      'audit',
      'feed',
      'socket',
      'stream',
      'webhook',
    ]);
  });
});
