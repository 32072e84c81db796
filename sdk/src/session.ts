/** What a sign-in gives. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Milliseconds since 1970, by the clock of this client. */
  readonly expiresAt: number;
}

/** Where tokens are kept; by default in memory, where no script finds them after a reload. */
export interface TokenStore {
  load(): Tokens | null | Promise<Tokens | null>;
  save(tokens: Tokens | null): void | Promise<void>;
}

/** What the server answers to a sign-in and to a refresh. */
export interface Granted {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Seconds. */
  readonly expiresIn: number;
}

/** How long before its end a token is renewed. Milliseconds. */
const AHEAD = 30_000;

export function inMemory(): TokenStore {
  let kept: Tokens | null = null;
  return {
    load: () => kept,
    save: (tokens) => {
      kept = tokens;
    },
  };
}

interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** The tokens of one person: renewed by one call at a time, however many requests and tabs find that they have ended. */
export class Session {
  /** Rises whenever somebody signs in or out here; a refresh is neither. */
  generation = 0;
  private refreshing: Promise<Tokens | null> | null = null;

  constructor(
    private readonly store: TokenStore,
    private readonly lockName: string,
    private readonly renew: (refreshToken: string) => Promise<Granted | null>,
  ) {}

  /** Whoever these tokens are for is who calls are made as from now on; null for nobody. */
  async begin(granted: Granted | null): Promise<void> {
    this.generation += 1;
    await this.keep(granted);
  }

  private async keep(granted: Granted | null): Promise<Tokens | null> {
    const tokens = granted && {
      accessToken: granted.accessToken,
      refreshToken: granted.refreshToken,
      expiresAt: Date.now() + granted.expiresIn * 1000,
    };
    await this.store.save(tokens);
    return tokens;
  }

  /** A token that is good for a while; null when nobody is signed in. */
  async token(): Promise<string | null> {
    const tokens = await this.store.load();
    if (!tokens) return null;
    if (tokens.expiresAt - Date.now() > AHEAD) return tokens.accessToken;
    try {
      return (await this.refresh(tokens.accessToken))?.accessToken ?? null;
    } catch (error) {
      if (tokens.expiresAt > Date.now()) return tokens.accessToken;
      throw error;
    }
  }

  /** @param stale the token that was refused: whoever has a newer one already need not ask */
  refresh(stale: string): Promise<Tokens | null> {
    this.refreshing ??= this.alone(() => this.exchange(stale)).finally(() => {
      this.refreshing = null;
    });
    return this.refreshing;
  }

  private async exchange(stale: string): Promise<Tokens | null> {
    // Another tab may have been quicker.
    const present = await this.store.load();
    if (!present || present.accessToken !== stale) return present;
    const granted = await this.renew(present.refreshToken);
    // Whoever signed in or out meanwhile is not undone by an answer that comes late.
    const kept = await this.store.load();
    return kept?.accessToken === stale ? this.keep(granted) : kept;
  }

  /** One tab at a time, where the platform has Web Locks; elsewhere the server's 30 seconds of grace have to do. */
  private alone<T>(work: () => Promise<T>): Promise<T> {
    const locks = (globalThis as { navigator?: { locks?: Locks } }).navigator?.locks;
    return locks ? locks.request(this.lockName, work) : work();
  }
}
