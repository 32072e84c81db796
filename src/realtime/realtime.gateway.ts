import { WebSocketGateway } from '@nestjs/websockets';
import type { OnGatewayInit } from '@nestjs/websockets';
import type { Server } from 'socket.io';

import { Admission } from './admission.service.js';
import type { Admitted } from './admission.service.js';
import { FAREWELL } from './connection.js';
import type { RealtimeSocket } from './connection.js';
import { Conversations } from './conversations.js';
import { inName } from './in-name.js';
import { LiveFeed } from './live-feed.js';
import type { ClientMessages, ServerMessages } from './messages.js';
import { REALTIME_PATH, TooManySockets } from './realtime.contract.js';
import { Refusals } from './refusals.js';
import { SHOW_WITHIN, Upgrades } from './upgrades.js';

type Next = (refusal?: Error) => void;
type Io = Server<ClientMessages, ServerMessages, Record<string, never>, { admitted?: Admitted }>;

/** A token and a filter; nobody sends us more. Bytes. */
const LONGEST_MESSAGE = 8 * 1024;

/** Facts as they are committed, to whoever may see them: socket.io over WebSocket alone. */
@WebSocketGateway({
  path: REALTIME_PATH,
  addTrailingSlash: false,
  transports: ['websocket'],
  allowUpgrades: false,
  serveClient: false,
  // Events are small; a window for each socket would cost more memory than all else that it has.
  perMessageDeflate: false,
  httpCompression: false,
  maxHttpBufferSize: LONGEST_MESSAGE,
  connectTimeout: SHOW_WITHIN,
})
export class RealtimeGateway implements OnGatewayInit<Io> {
  constructor(
    private readonly upgrades: Upgrades,
    private readonly admission: Admission,
    private readonly feed: LiveFeed,
    private readonly conversations: Conversations,
    private readonly refusals: Refusals,
  ) {}

  afterInit(server: Io): void {
    this.feed.speakBy(
      (rooms, event) => server.to(rooms).emit('event', event),
      (room) => server.sockets.adapter.rooms.has(room),
    );
    server.engine.on('connection', (line: RealtimeSocket['conn']) => this.conversations.watch(line));
    server.use((socket, next) => void this.admit(socket, next));
    server.on('connection', (socket) => {
      const { admitted } = socket.data;
      delete socket.data.admitted;
      forgetHandshake(socket);
      if (admitted) this.conversations.begin(socket, admitted);
    });
  }

  private async admit(socket: RealtimeSocket, next: Next): Promise<void> {
    const arrival = this.upgrades.arrivalOf(socket.request);
    try {
      // The handshake of this line was over already.
      if (!arrival) throw new TooManySockets();
      const admitted = await inName(arrival, () => this.admission.admit(socket, arrival));
      await this.feed.open();
      // Something may have been taken away meanwhile.
      if (admitted.connection.endedBy) throw admitted.connection.endedBy;
      (socket.data as { admitted: Admitted }).admitted = admitted;
      this.upgrades.know(arrival.raw);
      this.refusals.admitted();
      next();
    } catch (error) {
      next(this.refusals.refused(error));
      // A client goes by itself when it is refused; whoever does not is not to keep the line.
      setTimeout(() => (arrival ? arrival.raw.destroy() : socket.conn.close()), FAREWELL).unref();
    }
  }
}

/** What socket.io keeps of the handshake, and never needs again: the token, and kilobytes of headers. */
function forgetHandshake(socket: RealtimeSocket): void {
  Object.assign(socket.conn, { request: null });
  Object.assign(socket, { handshake: {} });
}
