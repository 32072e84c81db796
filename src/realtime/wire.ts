import type { Server } from 'socket.io';

import type { Line } from './connection.js';

/** The WebSocket below a line: of `ws`, which engine.io keeps to itself. */
interface Wire {
  on(frame: 'ping' | 'pong', listener: (content: Buffer) => void): void;
  pong(content: Buffer): void;
  terminate(): void;
}

/** By itself `ws` answers every ping, however many come, and keeps what nobody reads. */
export function answerNoPings({ engine }: Server): void {
  (engine as unknown as { ws: { options: { autoPong: boolean } } }).ws.options.autoPong = false;
}

/** Frames that are no packets of engine.io. @param count whether this one is to be answered */
export function onControlFrames(line: Line, count: () => boolean): void {
  const wire = wireOf(line);
  wire.on('pong', count);
  wire.on('ping', (content) => {
    if (count()) wire.pong(content);
  });
}

/** At once and without a word. */
export function cutOff(line: Line): void {
  wireOf(line).terminate();
}

function wireOf({ transport }: Line): Wire {
  return (transport as unknown as { socket: Wire }).socket;
}
