import { Injectable } from '@nestjs/common';

import { EventsRepository } from './events.repository.js';
import type { Backlog } from './events.repository.js';

/** How far readers of the facts are behind. */
@Injectable()
export class Backlogs {
  constructor(private readonly events: EventsRepository) {}

  of(reader: string): Promise<Backlog> {
    return this.events.backlogOf(reader);
  }
}
