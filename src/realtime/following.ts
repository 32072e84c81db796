import { Injectable } from '@nestjs/common';

import { LiveFacts, cloudEventOf } from '../events/index.js';
import type { RecordedFact } from '../events/index.js';
import { ServiceUnavailable } from '../platform/http/problems.js';
import { PublicUrl } from '../platform/http/public-url.js';
import { Logs } from '../platform/logging/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import type { Admitted } from './admission.service.js';
import type { Connection, Wants } from './connection.js';
import { LiveFeed, userOf } from './live-feed.js';
import { ResumeTooLong } from './realtime.contract.js';
import { matches } from './subscription.js';
import { Turns } from '../platform/concurrency/turns.js';

/** So many read the past at the same time, and so many facts each at most. */
const READERS = 8;
const MOST_PAST = 50_000;

type Place = NonNullable<Admitted['from']>;

/**
 * What one connection is told, from its first event on. Whoever goes on from an event reads what they missed alone, and
 * joins the others at the very fact at which both stand: none is left out, none comes twice.
 */
@Injectable()
export class Following {
  private readonly turns = new Turns(READERS);
  private catchingUp = 0;
  private readonly log;

  constructor(
    private readonly feed: LiveFeed,
    private readonly live: LiveFacts,
    private readonly publicUrl: PublicUrl,
    logs: Logs,
    metrics: Metrics,
  ) {
    this.log = logs.of('realtime');
    metrics.gauge('realtime_catching_up', 'Sockets that are told what they missed', () => this.catchingUp);
  }

  begin({ connection, from }: Admitted): void {
    // Whoever is cut off before the first event goes on from the same place.
    connection.ready(from?.id ?? this.feed.lastEventId);
    if (from === null || this.feed.isLevelWith(from)) this.feed.join(connection);
    else void this.catchUp(connection, from);
  }

  change(connection: Connection, wants: Wants): void {
    this.feed.want(connection, wants);
  }

  private async catchUp(connection: Connection, from: Place): Promise<void> {
    const leave = new AbortController();
    const release = await this.turns.take();
    this.catchingUp += 1;
    let read = 0;
    const accept = (fact: RecordedFact): Promise<void> | void => {
      if (isFor(connection, fact)) connection.send(cloudEventOf(fact, this.publicUrl.value));
      // Nothing is awaited between the look and the leap: the next fact comes to all.
      if (this.feed.isLevelWith(fact)) {
        leave.abort();
        this.feed.join(connection);
      } else if ((read += 1) > MOST_PAST) connection.close(new ResumeTooLong(), false);
      else if (connection.isBehind) {
        // It keeps nobody else from reading while it waits for its own client.
        release();
        return connection.drained();
      }
    };
    try {
      await this.live.watch(accept, AbortSignal.any([leave.signal, connection.signal]), from);
    } catch (error) {
      this.log.warn({ err: error }, 'The past could not be read; the client comes again');
      connection.close(new ServiceUnavailable(), true);
    } finally {
      release();
      this.catchingUp -= 1;
    }
  }
}

function isFor({ wants: { own, events }, principal }: Connection, fact: RecordedFact): boolean {
  return (own && userOf(fact) === principal.userId) || (events !== null && matches(events, fact));
}
