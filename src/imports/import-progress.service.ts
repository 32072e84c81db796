import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';

import type { EventStream } from '../platform/http/sse.js';
import type { Import } from './import.entity.js';
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
    try {
      for (let seen = 0; !stream.closed.aborted;) {
        const found = await stream.ask(() => this.imports.get(id));
        if (found.version > seen && this.tellOf(found, stream)) return;
        seen = found.version;
        await pause(LOOKS_EVERY);
      }
    } finally {
      // Also when the import is gone, or the database away: whoever comes back is told of it in the usual way.
      stream.close();
    }
  }

  /** @returns whether that was the last that there is to tell */
  private tellOf(found: Import, stream: EventStream): boolean {
    const isOver = found.finishedAt !== null;
    const event = isOver ? 'finished' : 'progress';
    stream.send({ id: String(found.version), event, data: ImportResponse.from(found) });
    return isOver;
  }
}
