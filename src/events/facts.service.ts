import { Injectable } from '@nestjs/common';

import { EventsRepository } from './events.repository.js';
import type { Position, RecordedFact } from './events.repository.js';

/** The facts for whoever reads all of them: each once, in the order of their commits, from a cursor that is kept. */
@Injectable()
export class Facts {
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly events: EventsRepository) {}

  /** The facts after a position, as far as they are final: none can come between them any more. */
  after(position: Position, limit: number): Promise<RecordedFact[]> {
    return this.events.after(position, limit);
  }

  /** Where a reader stands; before the first fact if it has not begun. */
  positionOf(reader: string): Promise<Position> {
    return this.events.positionOf(reader);
  }

  /** Part of the caller's transaction: what was read and where the reader stands are kept together. */
  async advance(reader: string, position: Position): Promise<void> {
    await this.events.advance(reader, position);
  }

  /** Called after each commit of facts in this process; others are only found by looking. It must not throw. */
  onRecorded(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Tells those who wait that there is something to read. */
  recorded(): void {
    for (const listener of this.listeners) listener();
  }
}
