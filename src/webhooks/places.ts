import type { Standing } from './delivery-queue.repository.js';

/** In which lot a delivery that is on its way has its place. */
type Lot = Standing;

interface Place {
  readonly webhookId: string;
  readonly since: number;
  lot: Lot;
}

/** A try that lasts longer makes its webhook a slow one, until one of its tries ends sooner. Milliseconds. */
const SLOW = 2000;

/**
 * Places for deliveries on their way in this process. Whoever takes nothing keeps a place for as long as a delivery may
 * take, so those who have not shown yet that they take anything share places of their own, those who failed last others, and
 * those who take their time others again: a place among the well is held for two seconds at most, as long as there is
 * room among the slow.
 */
const PLACES: Readonly<Record<Lot, number>> = { proven: 256, new: 256, slow: 512, failing: 128 };

/** Who is on the way, and how long already. */
export class Places {
  private readonly taken = new Set<Place>();
  private readonly slow = new Set<string>();

  /** The webhooks whose last try was slow, or that is on its way for long. */
  slowOnes(): string[] {
    return [...this.slow];
  }

  roomIn(lot: Lot): number {
    return PLACES[lot] - this.countIn(lot);
  }

  /** How many of each webhook are on their way, in whichever lot. */
  perWebhook(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { webhookId } of this.taken) counts.set(webhookId, (counts.get(webhookId) ?? 0) + 1);
    return counts;
  }

  /** @returns gives the place back */
  take(webhookId: string, lot: Lot): () => void {
    const place: Place = { webhookId, since: performance.now(), lot };
    this.taken.add(place);
    return () => {
      this.taken.delete(place);
      if (performance.now() - place.since > SLOW) this.slow.add(webhookId);
      else this.slow.delete(webhookId);
    };
  }

  /** Those that last have no place among the well any longer. */
  moveSlow(): void {
    const late = performance.now() - SLOW;
    let room = this.roomIn('slow');
    for (const place of this.taken) {
      if (place.since > late || place.lot === 'slow' || place.lot === 'failing') continue;
      this.slow.add(place.webhookId);
      if (room <= 0) continue;
      place.lot = 'slow';
      room -= 1;
    }
  }

  private countIn(lot: Lot): number {
    let count = 0;
    for (const place of this.taken) if (place.lot === lot) count += 1;
    return count;
  }
}
