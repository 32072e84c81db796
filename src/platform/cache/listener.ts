/**
 * Tells other processes that there is something to look at, and hears it from them: by PostgreSQL, or by Redis where
 * there is one. Only ever a nudge: whoever listens also polls, because either may lose one without a word.
 */
export abstract class Listener {
  protected readonly handlers = new Map<string, () => void>();

  on(channel: string, handler: () => void): void {
    this.handlers.set(channel, handler);
    this.listen(channel);
  }

  /** After the commit: nobody is to look before there is something to see. It never throws. */
  abstract nudge(channel: string): void;

  /** Called for each channel, once it has its handler. */
  protected abstract listen(channel: string): void;
}
