/** The NATS servers of one cluster, and how we sign in to each of them. */
export interface BrokerServers {
  /** `host:port`, in the order in which they are tried. */
  readonly hosts: readonly string[];
  /** TLS is demanded; otherwise it is used where the server asks for it. */
  readonly secure: boolean;
  readonly auth: { readonly user: string; readonly pass: string } | { readonly token: string } | null;
}

/** It cannot be read. */
class NotInForm extends Error {}

const HOST = /^[0-9A-Za-z.:_[\]-]{1,253}$/;
const USUAL_PORT = 4222;
const MOST = 10;

/** One URL or several, by commas. Nothing stands behind the port: an option that we do not know would be lost without a word. */
export function readBrokerServers(text: string): BrokerServers {
  const urls = text.split(',').map((each) => new URL(each.trim()));
  const [first] = urls;
  const alike = urls.every((url) => url.protocol === first!.protocol && isBare(url));
  if (!alike || urls.length > MOST || !['nats:', 'tls:'].includes(first!.protocol)) throw new NotInForm();
  const signIns = urls.filter(({ username }) => username !== '');
  // Whoever signs in elsewhere in another way has mistaken one of them.
  if (signIns.some((url) => url.username !== signIns[0]!.username || url.password !== signIns[0]!.password))
    throw new NotInForm();
  const hosts = urls.map(({ hostname, port }) => `${hostname}:${port || USUAL_PORT}`);
  return Object.freeze({ hosts: Object.freeze(hosts), secure: first!.protocol === 'tls:', auth: authOf(signIns[0]) });
}

function isBare({ hostname, username, password, pathname, search, hash }: URL): boolean {
  return HOST.test(hostname) && /^\/?$/.test(pathname) && search === '' && hash === '' && !(password && !username);
}

/** A name alone is a token. */
function authOf(url: URL | undefined): BrokerServers['auth'] {
  if (!url) return null;
  const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  return Object.freeze(pass === '' ? { token: user } : { user, pass });
}

/** A user's JWT and the seed of their key, as `nsc` writes them into a file. */
const CREDENTIALS =
  /^-{3,}BEGIN NATS USER JWT-{3,}\r?\n[\w.-]+\r?\n-{3,}END NATS USER JWT-{3,}[^]*-{3,}BEGIN USER NKEY SEED-{3,}\r?\nS\w+\r?\n-{3,}END USER NKEY SEED-{3,}\s*$/;

export function readBrokerCredentials(text: string): string {
  if (!CREDENTIALS.test(text.trimStart())) throw new NotInForm();
  return text;
}
