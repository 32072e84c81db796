import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';

import type { EventStream } from '../platform/http/sse.js';
import { ImportResponse } from './imports.dto.js';
import { Imports } from './imports.service.js';

/** Milliseconds between two looks: whichever process is at work on it, its row tells how far it is. */
const LOOKS_EVERY = 250;

/** Tells of an import for as long as it goes on. */
@Injectable()
export class ImportProgress {
  constructor(private readonly imports: Imports) {}

  /** An event whenever it went on, and the last when it is over. */
  async tell(id: string, stream: EventStream): Promise<void> {
    for (let seen = 0; !stream.closed.aborted;) {
      const found = await stream.ask(() => this.imports.get(id));
      if (found.version > seen) {
        const isOver = found.finishedAt !== null;
        stream.send({
          id: String(found.version),
          event: isOver ? 'finished' : 'progress',
          data: ImportResponse.from(found),
        });
        if (isOver) break;
      }
      seen = found.version;
      await pause(LOOKS_EVERY, undefined, { signal: stream.closed }).catch(() => undefined);
    }
    stream.close();
  }
}
