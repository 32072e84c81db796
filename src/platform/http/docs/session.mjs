// Who is signed in at /docs: tokens, how long they live, and their renewal. It knows neither the page nor Swagger UI.

/**
 * sessionStorage, because a reload is what people who explore do all the time, and memory would sign them out by it.
 * Not localStorage: that outlives the browser, and its tabs would each rotate the one refresh token. Only our own
 * scripts can read it (the Content-Security-Policy of the page), and it ends with the tab.
 */
const KEPT_UNDER = 'roster.docs.session';
const { atob } = globalThis;
/** A token is renewed this long before it ends, and never used when it has less left than LEAST. Milliseconds. */
const EARLY = 60_000;
const LEAST = 5_000;
const AGAIN = 15_000;

/** A refusal, in the words of its problem (RFC 9457). */
export class Refused extends Error {
  constructor(problem, retryAfter) {
    const faults = (problem.errors ?? []).map(({ pointer, detail }) =>
      // Some are whole sentences, some go on after the name of the member.
      /^\p{Lu}/u.test(detail) ? detail : `${pointer?.slice(1) ?? 'It'} ${detail}`,
    );
    const wait = retryAfter ? `Try again in ${retryAfter} s.` : '';
    super([problem.detail ?? problem.title, ...faults, wait].filter(Boolean).join('. ').replaceAll('..', '.'));
    this.code = problem.code;
    this.retryAfter = Number(retryAfter) || 0;
  }
}

/**
 * @typedef {{ accessToken: string, refreshToken?: string, until: number | null, name?: string, email?: string,
 *   identifier?: string, since?: number, passwordChangeRequired?: boolean }} Kept `until` and `since` in milliseconds;
 *   without `name` the token was given by hand
 */
export class Session {
  #surroundings;
  #changed;
  /** @type {Kept | null} */
  #kept = null;
  #renewal = null;
  #timer;

  /**
   * @param surroundings `{ fetch, storage, now, setTimeout, clearTimeout }`: the browser's, or a test's
   * @param changed called with what is kept now and, if it ended by itself, why
   */
  constructor(surroundings, changed) {
    this.#surroundings = surroundings;
    this.#changed = changed;
  }

  get kept() {
    return this.#kept;
  }

  /** What the tab had before it was loaded anew. */
  restore() {
    const text = this.#surroundings.storage.getItem(KEPT_UNDER);
    if (!text) return;
    const kept = JSON.parse(text);
    if (kept.until !== null && !kept.refreshToken && kept.until <= this.#surroundings.now()) this.#keep(null);
    else this.#keep(kept);
  }

  /** @returns null, or what `showFactor` wants where a second factor is due */
  async signIn(identifier, password) {
    const answer = await this.#post('/api/v1/auth/login', { identifier, password });
    if (answer.mfaRequired) return { identifier, mfaToken: answer.mfaToken };
    this.#keepTokens(answer, { identifier, since: this.#surroundings.now() });
    return null;
  }

  /** @param code six digits of an app, or a recovery code */
  async showFactor({ identifier, mfaToken }, code) {
    const method = /^\d{6}$/.test(code) ? 'totp' : 'recovery_code';
    const answer = await this.#post('/api/v1/auth/mfa/verify', { mfaToken, method, code });
    this.#keepTokens(answer, { identifier, since: this.#surroundings.now() });
  }

  /** A token by hand is taken as it is: nobody can renew it. */
  takeBearer(accessToken) {
    this.#keep({ accessToken, until: endOf(accessToken) });
  }

  /** A token that still lives for a while, renewed if it has to be; null when nobody is signed in. */
  async token() {
    const kept = this.#kept;
    if (kept?.refreshToken && kept.until - this.#surroundings.now() < LEAST) await this.renew();
    return this.#kept?.accessToken ?? null;
  }

  /** One renewal at a time, however many ask: each refresh token is used once. */
  renew() {
    this.#renewal ??= this.#renewOnce().finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  /** After a sleep no timer has run. */
  renewIfDue() {
    const kept = this.#kept;
    if (kept?.refreshToken && kept.until - this.#surroundings.now() < EARLY) void this.renew();
    else if (kept && kept.until !== null && kept.until <= this.#surroundings.now()) this.#endAt(kept);
  }

  async #renewOnce() {
    const before = this.#kept;
    if (!before?.refreshToken) return;
    try {
      const tokens = await this.#post('/api/v1/auth/refresh', { refreshToken: before.refreshToken });
      // Signed out, or in as somebody else, while this was on its way.
      if (this.#kept === before) this.#keepTokens(tokens, before);
    } catch (error) {
      if (this.#kept !== before) return;
      if (error.code === 'refresh_token_invalid') this.#keep(null, 'Your session has ended. Sign in again.');
      else this.#wake(Math.max(AGAIN, (error.retryAfter ?? 0) * 1000));
    }
  }

  /** Ends the session here in any case, and at the server if it can be reached. */
  async signOut() {
    const kept = this.#kept;
    if (kept?.refreshToken) await this.token();
    const token = this.#kept?.accessToken;
    this.#keep(null);
    if (kept?.name && token) await this.#post('/api/v1/auth/logout', undefined, token);
  }

  /** The other sessions end with the old password; this one signs in anew, for its token still asks for a change. */
  async changePassword(currentPassword, newPassword) {
    const { identifier } = this.#kept;
    await this.#post('/api/v1/me/password', { currentPassword, newPassword }, await this.token());
    await this.signIn(identifier, newPassword);
  }

  /** The server does not take this token any more. */
  ended(why) {
    this.#keep(null, why);
  }

  /** Leaves the renewal to the other tab that has the same session: a copied tab copies sessionStorage too. */
  leaveRenewal() {
    if (this.#kept) this.#keep({ ...this.#kept, refreshToken: undefined });
  }

  #keepTokens({ accessToken, refreshToken, expiresIn, passwordChangeRequired, user }, { identifier, since }) {
    const until = this.#surroundings.now() + expiresIn * 1000;
    const { name, email } = user;
    this.#keep({ accessToken, refreshToken, until, name, email, identifier, since, passwordChangeRequired });
  }

  #keep(kept, why) {
    const { storage, clearTimeout } = this.#surroundings;
    this.#kept = kept;
    if (kept) storage.setItem(KEPT_UNDER, JSON.stringify(kept));
    else storage.removeItem(KEPT_UNDER);
    clearTimeout(this.#timer);
    if (kept && kept.until !== null) this.#wake(this.#delayOf(kept));
    this.#changed(kept, why);
  }

  #delayOf(kept) {
    const left = kept.until - this.#surroundings.now();
    return Math.max(0, kept.refreshToken ? left - Math.min(EARLY, left / 2) : left);
  }

  #wake(milliseconds) {
    const { clearTimeout, setTimeout } = this.#surroundings;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#kept?.refreshToken) void this.renew();
      else if (this.#kept) this.#endAt(this.#kept);
    }, milliseconds);
  }

  #endAt(kept) {
    this.#keep(null, kept.name ? 'Your session has ended. Sign in again.' : 'The bearer token has expired.');
  }

  async #post(path, body, token) {
    const answer = await this.#surroundings.fetch(path, {
      method: 'POST',
      headers: {
        Accept: 'application/json',
        ...(body ? { 'Content-Type': 'application/json' } : {}),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get('content-type') ?? '');
    if (answer.ok) return text ? JSON.parse(text) : undefined;
    const problem = isJson ? JSON.parse(text) : { title: `The server answers ${answer.status}` };
    throw new Refused(problem, answer.headers.get('retry-after'));
  }
}

/** When a JWT ends, in milliseconds; null if it does not say. Shown only: the server decides. */
export function endOf(token) {
  try {
    const { exp } = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
    return Number.isFinite(exp) ? exp * 1000 : null;
  } catch {
    // Not a JWT, so it does not say.
    return null;
  }
}
