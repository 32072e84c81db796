/** What the service is told from outside. */
export interface Settings {
  /** `nats://…`: where the events are, and where Roster is asked. */
  readonly natsUrl: string;
  /** An API key of Roster with the scope `users:read`. */
  readonly rosterKey: string;
  /** Where the ledger lies: a file of SQLite. */
  readonly ledgerFile: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const { NATS_URL, ROSTER_KEY, LEDGER_FILE = './ledger.sqlite', PORT = '4000' } = environment;
  if (!NATS_URL || !ROSTER_KEY) throw new Error('NATS_URL and ROSTER_KEY have to be set: see README.md');
  return { natsUrl: NATS_URL, rosterKey: ROSTER_KEY, ledgerFile: LEDGER_FILE, port: Number(PORT) };
}
