import type { Clock } from '../clock/clock.js';
import type { Quota } from '../config/network.js';
import { Recent } from './recent.js';

export interface Policy extends Quota {
  /** As clients see it in `RateLimit-Policy`. */
  readonly name: string;
  /** Keeps the counts of two policies of one name apart. */
  readonly by: 'address' | 'account' | 'account-at-address';
}

/** How one who was counted stands. */
export interface Standing {
  readonly allowed: boolean;
  readonly policy: Policy;
  readonly remaining: number;
  /** Seconds until all is there again. */
  readonly reset: number;
}

/**
 * Takes points from the count that all processes share.
 * @returns how many were taken in this window by all, these included; null when nobody can say
 */
export type Take = (policy: Policy, subject: string, window: number, points: number) => Promise<number | null>;

interface Lease {
  window: number;
  /** Milliseconds since 1970. */
  endsAt: number;
  /** May be spent without asking anybody. */
  left: number;
  /** Spent or to be spent on credit: owed to the shared count. */
  owed: number;
  /** All that this process may spend in this window so far. */
  granted: number;
  /** What nobody had taken from the shared count when it was last asked. */
  beyond: number;
  asking: Promise<void> | null;
}

const KEYS = 5000;
/** Of so few points none is taken ahead: each is asked for. */
const EXACT = 20;

/**
 * One limit. Each process takes a twentieth of the points at a time from the shared count and spends them from memory,
 * so that asking is rare. The first hundredth is on credit: whoever sends little is never asked about, and nobody who
 * changes their address with each request can make PostgreSQL write for each. Over n processes n hundredths too many
 * may pass; all else is taken before it is spent.
 */
export class Limit {
  private readonly leases = new Recent<Lease>(KEYS);
  private readonly share: number;
  private readonly credit: number;
  private readonly low: number;
  private readonly milliseconds: number;

  constructor(
    readonly policy: Policy,
    private readonly clock: Clock,
    private readonly take: Take,
  ) {
    const { points, seconds } = policy;
    const exact = points <= EXACT;
    this.share = exact ? 1 : Math.max(1, Math.floor(points / 20));
    this.credit = exact ? 0 : Math.floor(points / 100);
    this.low = exact ? 0 : Math.floor(points / 200);
    this.milliseconds = seconds * 1000;
  }

  /** Counts one request of this subject. At once whenever nobody has to be asked. */
  count(subject: string): Standing | Promise<Standing> {
    const now = this.clock.millis();
    const lease = this.leaseOf(subject, now);
    if (lease.left === 0 && lease.beyond > 0) return this.askAndCount(subject, lease);
    if (lease.left <= this.low && lease.beyond > 0) void this.ask(subject, lease);
    return this.spend(lease, now);
  }

  /** How many are remembered. */
  get subjects(): number {
    return this.leases.size;
  }

  private async askAndCount(subject: string, first: Lease): Promise<Standing> {
    for (let lease = first; ;) {
      await this.ask(subject, lease);
      const now = this.clock.millis();
      lease = this.leaseOf(subject, now);
      // Somebody else who waited may have been quicker.
      if (lease.left > 0 || lease.beyond === 0) return this.spend(lease, now);
    }
  }

  private spend(lease: Lease, now: number): Standing {
    const { policy } = this;
    const reset = Math.ceil((lease.endsAt - now) / 1000);
    if (lease.left === 0) return { allowed: false, policy, remaining: 0, reset };
    lease.left -= 1;
    return { allowed: true, policy, remaining: lease.left + lease.beyond, reset };
  }

  private leaseOf(subject: string, now: number): Lease {
    const known = this.leases.get(subject);
    if (known && now < known.endsAt) return known;
    // Not all windows begin at once: those who wait for the next would all come together.
    const shift = offsetOf(subject) % this.milliseconds;
    const window = Math.floor((now + shift) / this.milliseconds);
    const { credit } = this;
    const lease: Lease = {
      window,
      endsAt: (window + 1) * this.milliseconds - shift,
      left: credit,
      owed: credit,
      granted: credit,
      beyond: this.policy.points - credit,
      asking: null,
    };
    this.leases.set(subject, lease);
    return lease;
  }

  /** One question at a time for each subject. */
  private ask(subject: string, lease: Lease): Promise<void> {
    lease.asking ??= this.refill(subject, lease).finally(() => {
      lease.asking = null;
    });
    return lease.asking;
  }

  private async refill(subject: string, lease: Lease): Promise<void> {
    const { points } = this.policy;
    const wanted = lease.owed + this.share;
    const taken = await this.take(this.policy, subject, lease.window, wanted);
    // Insurance: each process holds the whole limit alone, until the window ends.
    const got = taken === null ? points - lease.granted + lease.owed : wanted - Math.max(0, taken - points);
    const more = Math.max(0, got - lease.owed);
    lease.left += more;
    lease.granted += more;
    lease.owed = 0;
    lease.beyond = taken === null ? 0 : Math.max(0, points - taken);
  }
}

/** The same in every process (FNV-1a). */
export function offsetOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
