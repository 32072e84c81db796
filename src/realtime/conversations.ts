import { Injectable } from '@nestjs/common';

import { Admission } from './admission.service.js';
import type { Admitted } from './admission.service.js';
import { Closings } from './closings.js';
import type { Connection, Line, RealtimeSocket } from './connection.js';
import { Connections } from './connections.js';
import { Following } from './following.js';
import { inName } from './in-name.js';
import type { Answer } from './messages.js';
import { TooManyMessages } from './realtime.contract.js';
import { Refusals } from './refusals.js';
import { cutOff, onControlFrames } from './wire.js';

/** Packets in milliseconds: those that belong to the protocol are among them, one in 25 seconds. */
const MOST_PACKETS = 100;
const WITHIN = 10_000;

/** What is said on a socket, from the first word on. */
@Injectable()
export class Conversations {
  constructor(
    private readonly admission: Admission,
    private readonly connections: Connections,
    private readonly following: Following,
    private readonly closings: Closings,
    private readonly refusals: Refusals,
  ) {
    connections.onEmpty(() => following.close());
  }

  /** Counts whatever comes in, understood or not, from the first packet on; pings and pongs of WebSocket are among it. */
  watch(line: Line): void {
    let packets = 0;
    let since = performance.now();
    const count = (): boolean => {
      const now = performance.now();
      if (now - since > WITHIN) [packets, since] = [0, now];
      packets += 1;
      if (packets > MOST_PACKETS) this.end(line);
      return packets <= MOST_PACKETS;
    };
    line.on('packet', count);
    onControlFrames(line, count);
  }

  begin(socket: RealtimeSocket, admitted: Admitted): void {
    const { connection } = admitted;
    if (connection.isEnded) {
      connection.leave();
      return;
    }
    socket.on('authenticate', (given, acknowledge) =>
      this.answer(connection, acknowledge, () => this.authenticate(connection, given)),
    );
    socket.on('subscribe', (given, acknowledge) =>
      this.answer(connection, acknowledge, () => this.subscribe(connection, given)),
    );
    this.following.begin(admitted);
  }

  private async authenticate(connection: Connection, given: unknown): Promise<void> {
    const { principal, shown, wants } = await this.admission.renew(connection, given);
    this.connections.become(connection, principal, shown);
    this.following.change(connection, wants);
  }

  private async subscribe(connection: Connection, given: unknown): Promise<void> {
    this.following.change(connection, await this.admission.rewish(connection, given ?? null));
  }

  private answer(connection: Connection, acknowledge: unknown, work: () => Promise<void>): void {
    const reply = (answer: Answer): void => {
      if (typeof acknowledge === 'function') (acknowledge as (answer: Answer) => void)(answer);
    };
    inName(connection, work).then(
      () => reply({ ok: true, ...connection.standing() }),
      (error: unknown) => reply({ ok: false, problem: this.refusals.told(error) }),
    );
  }

  private end(line: Line): void {
    const connection = this.connections.on(line);
    if (connection) this.closings.close(connection, new TooManyMessages());
    else cutOff(line);
  }
}
