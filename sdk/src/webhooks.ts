/** A webhook that was not sent by whoever has the secret, or not now. */
export class WebhookRefused extends Error {}

/** How far the sender's clock may be from ours. Seconds. */
const TOLERANCE = 300;

type Headers = Readonly<Record<string, string | undefined>> | { get(name: string): string | null };

/**
 * Verifies a webhook by the rules of Standard Webhooks 1.0: HMAC-SHA-256 over `id.timestamp.payload`, in base64 after
 * `v1,`; any of several signatures, so that secrets can be rotated.
 * @param payload the body, byte for byte as it came
 * @param secret `whsec_` and the key in base64; or several
 * @param now milliseconds since 1970
 * @returns the payload as JSON
 * @throws WebhookRefused
 */
export async function verifyWebhook<T = unknown>(
  payload: string | Uint8Array,
  headers: Headers,
  secret: string | readonly string[],
  now = Date.now(),
): Promise<T> {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    headerOf(headers, name),
  ) as [string, string, string];
  const seconds = Number(timestamp);
  if (!/^\d+$/.test(timestamp) || Math.abs(now / 1000 - seconds) > TOLERANCE)
    throw new WebhookRefused('The webhook is too old, or from the future');
  const body = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
  const signed = concatenated(new TextEncoder().encode(`${id}.${timestamp}.`), body);
  const given = signatures.split(' ').flatMap((each) => (each.startsWith('v1,') ? [each.slice(3)] : []));
  const known = await Promise.all([secret].flat().map((each) => importKey(each)));
  const checks = known.flatMap((key) => given.map((signature) => verifies(key, signature, signed)));
  if (!(await Promise.all(checks)).includes(true)) throw new WebhookRefused('No signature of the webhook is right');
  return JSON.parse(new TextDecoder().decode(body)) as T;
}

function headerOf(headers: Headers, name: string): string {
  const value = typeof headers.get === 'function' ? headers.get(name) : (headers as Record<string, string>)[name];
  if (!value) throw new WebhookRefused(`The header ${name} is missing`);
  return value;
}

function importKey(secret: string): Promise<CryptoKey> {
  const bytes = decode(secret.replace(/^whsec_/, ''));
  if (!bytes || bytes.length === 0) throw new TypeError('A secret is `whsec_` and a key in base64');
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

/** WebCrypto compares in constant time. */
async function verifies(key: CryptoKey, signature: string, signed: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const bytes = decode(signature);
  return bytes !== null && crypto.subtle.verify('HMAC', key, bytes, signed);
}

function decode(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    // No base64: then it is nobody's signature.
    return null;
  }
}

function concatenated(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
