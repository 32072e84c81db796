import type { TestApp } from '../harness/app.js';
import type { Answer } from '../harness/household.js';
import { PASSWORD } from '../harness/people.js';
import type { UserRow } from '../../src/users/index.js';
import type { SignIn } from './sign-ins.js';

export const ACCESS = '__Host-roster-access';
export const REFRESH = '__Host-roster-refresh';

export interface SetCookie {
  readonly name: string;
  readonly value: string;
  /** In small letters; those without a value are `true`. */
  readonly attributes: Readonly<Record<string, string | true>>;
}

type Headers = Record<string, string>;

/** The cookies that an answer sets (RFC 6265, 4.1.1). */
export function cookiesIn({ headers }: Pick<Answer, 'headers'>): SetCookie[] {
  return [headers['set-cookie'] ?? []].flat().map((line) => {
    const [pair, ...attributes] = line.split('; ');
    const at = pair!.indexOf('=');
    const named = attributes.map((attribute) => {
      const [name, value = true] = attribute.split('=');
      return [name!.toLowerCase(), value] as const;
    });
    return { name: pair!.slice(0, at), value: pair!.slice(at + 1), attributes: Object.fromEntries(named) };
  });
}

/** A page of ours in a browser: it keeps cookies, and sends them with its origin and its CSRF token. */
export class Browser {
  readonly cookies = new Map<string, string>();
  csrfToken = '';

  constructor(private readonly app: TestApp) {}

  static async signedIn(app: TestApp, user: UserRow): Promise<Browser> {
    const browser = new Browser(app);
    await browser.signIn(user);
    return browser;
  }

  get origin(): string {
    return new URL(this.app.ground.publicUrl.value).origin;
  }

  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  signIn({ email }: UserRow): Promise<Answer<SignIn>> {
    const body = { identifier: email, password: PASSWORD, session: 'cookie' };
    return this.send<SignIn>('POST', '/api/v1/auth/login', { body });
  }

  /** As a page sends it; `headers` replace what it would have sent, and an empty one is left out. */
  async send<T = SignIn>(
    method: string,
    url: string,
    { body, headers = {} }: { body?: unknown; headers?: Headers } = {},
  ): Promise<Answer<T>> {
    const own = { cookie: this.cookie, origin: this.origin, 'x-csrf-token': this.csrfToken };
    const sent = Object.entries({ ...own, ...headers }).filter(([, value]) => value !== '');
    const answer = await this.app.send<T>(method, url, { body, headers: Object.fromEntries(sent) });
    this.keep(answer as Answer<Partial<SignIn> | null>);
    return answer;
  }

  private keep(answer: Answer<Partial<SignIn> | null>): void {
    for (const { name, value, attributes } of cookiesIn(answer)) {
      if (attributes['max-age'] === '0') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    this.csrfToken = answer.body?.csrfToken ?? this.csrfToken;
  }
}
