type Headers = Readonly<Record<string, string | undefined>>;

interface Verifier {
  verifyWebhook<T>(payload: string, headers: Headers, secret: string | string[], now: number): Promise<T>;
}

// By a name that is put together: the SDK is checked with the types of browsers, which these tests do not know.
const PLACE = ['..', '..', 'sdk', 'src', 'webhooks.js'].join('/');

/** What the SDK gives to whoever is sent webhooks. */
export const { verifyWebhook } = (await import(PLACE)) as Verifier;
