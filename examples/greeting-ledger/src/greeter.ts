import type { Ledger } from './ledger.ts';
import type { Roster } from './roster.ts';

/** A CloudEvent of Roster, as far as this service looks at it. */
export interface UserEvent {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly data: { readonly userId: string };
}

const NOBODY = 'somebody who has left';

/** The rules of this service: who comes is greeted by name, who leaves is bidden farewell. */
export class Greeter {
  private readonly ledger: Ledger;
  private readonly roster: Roster;

  constructor(ledger: Ledger, roster: Roster) {
    this.ledger = ledger;
    this.roster = roster;
  }

  /** May be called with the same event any number of times. @throws if Roster cannot be asked: then call again later */
  async hear(event: UserEvent): Promise<void> {
    const { id: eventId, type, time: at } = event;
    const { userId } = event.data;
    if (type === 'user.created') {
      // Roster need not be asked again for a line that is there.
      if (this.ledger.has(eventId)) return;
      const name = (await this.roster.user(userId))?.name ?? NOBODY;
      this.ledger.write({ eventId, kind: 'hello', userId, name, at });
    }
    // Roster no longer tells who they were; the ledger knows.
    if (type === 'user.deleted')
      this.ledger.write({ eventId, kind: 'farewell', userId, name: this.ledger.nameOf(userId) ?? NOBODY, at });
  }
}
