import { DatabaseSync } from 'node:sqlite';

export interface Greeting {
  readonly number: number;
  readonly kind: 'hello' | 'farewell';
  readonly userId: string;
  readonly name: string;
  /** Of the fact that it tells of, as in Roster's own log. */
  readonly at: string;
}

/** What a greeting is written for: an event is an id that comes once, however often it is delivered. */
export interface Occasion extends Omit<Greeting, 'number'> {
  readonly eventId: string;
}

/**
 * The ledger: a line for each user who came, and for each who left. A line and the event that it is for are one row, so
 * that whatever happens in between, an event has one line or none.
 */
export class Ledger {
  private readonly database: DatabaseSync;

  constructor(file: string) {
    this.database = new DatabaseSync(file);
    this.database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS greetings (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('hello', 'farewell')),
        user_id TEXT NOT NULL,
        name TEXT NOT NULL,
        at TEXT NOT NULL
      ) STRICT;
    `);
  }

  /** @returns false if there is a line for this event already */
  write({ eventId, kind, userId, name, at }: Occasion): boolean {
    const { changes } = this.database
      .prepare(
        `INSERT INTO greetings (event_id, kind, user_id, name, at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (event_id) DO NOTHING`,
      )
      .run(eventId, kind, userId, name, at);
    return changes === 1;
  }

  has(eventId: string): boolean {
    return this.database.prepare('SELECT 1 FROM greetings WHERE event_id = ?').get(eventId) !== undefined;
  }

  /** The name by which somebody was greeted. */
  nameOf(userId: string): string | null {
    const row = this.database
      .prepare('SELECT name FROM greetings WHERE user_id = ? ORDER BY number DESC LIMIT 1')
      .get(userId) as { name: string } | undefined;
    return row?.name ?? null;
  }

  all(): Greeting[] {
    const rows = this.database
      .prepare('SELECT number, kind, user_id AS "userId", name, at FROM greetings ORDER BY number')
      .all();
    return rows as unknown as Greeting[];
  }

  close(): void {
    this.database.close();
  }
}
