/** What the doctor found: well; not as it should be in the long run; or so that Roster cannot work. */
export interface Finding {
  /** What was looked at: `database locale`. */
  readonly about: string;
  readonly verdict: 'ok' | 'warning' | 'fault';
  /** What was seen, and, unless it is well, what to do. */
  readonly detail: string;
}

export const ok = (about: string, detail: string): Finding => ({ about, verdict: 'ok', detail });
export const warning = (about: string, detail: string): Finding => ({ about, verdict: 'warning', detail });
export const fault = (about: string, detail: string): Finding => ({ about, verdict: 'fault', detail });
