import { setTimeout as sleep } from 'node:timers/promises';

import type { CloudEvent } from '../../src/events/index.js';

/** Longer than two signs of life, of 15 s each, are apart. Milliseconds. */
const PATIENCE = 35_000;

/** Somebody who reads a stream of events over the network, as a browser does. */
export class Reader {
  readonly events: CloudEvent[] = [];
  lastEventId: string | null = null;
  beats = 0;
  /** When the stream ended, as `performance.now()` counts; null while it goes on. */
  endedAt: number | null = null;
  private readonly leaving = new AbortController();

  private constructor(readonly answer: Response) {}

  /** @param ready the first bytes have come: from now on nothing is missed */
  static async open(url: string, token: string, headers: Record<string, string> = {}): Promise<Reader> {
    const leaving = new AbortController();
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
      signal: leaving.signal,
    });
    const reader = new Reader(answer);
    reader.leaving.signal.addEventListener('abort', () => leaving.abort());
    if (answer.status === 200) void reader.read();
    return reader;
  }

  get ids(): string[] {
    return this.events.map(({ id }) => id);
  }

  leave(): void {
    this.leaving.abort();
  }

  /** Waits for something that has to come. */
  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    const late = performance.now() + PATIENCE;
    while (!(await isSo())) {
      if (performance.now() > late) throw new Error(`It has not come; ${this.events.length} events have`);
      await sleep(10);
    }
  }

  private async read(): Promise<void> {
    let rest = '';
    const decoder = new TextDecoder();
    try {
      for await (const bytes of this.answer.body as unknown as AsyncIterable<Uint8Array>) {
        const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
        rest = parts.pop()!;
        parts.forEach((part) => this.take(part));
      }
    } catch {
      // Cut off, which a test may want.
    }
    this.endedAt = performance.now();
  }

  private take(message: string): void {
    const fields = message.split('\n').map((line) => line.split(/: ?(.*)/s, 2) as [string, string?]);
    const [id, data] = ['id', 'data'].map((name) => fields.find((field) => field[0] === name)?.[1]);
    if (id !== undefined) this.lastEventId = id;
    if (data !== undefined) this.events.push(JSON.parse(data) as CloudEvent);
    else if (!message.startsWith('retry')) this.beats += 1;
  }
}
