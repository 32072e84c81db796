import { BlockList, isIP } from 'node:net';

/** Whose X-Forwarded-* headers are believed: nobody's, those of so many hops, or those of these networks. */
export type TrustedProxies = false | number | readonly string[];

/** An item of a list cannot be read. */
class NotInForm extends Error {}

const HOPS_MAX = 10;
/** Narrower than this a network is somebody's own; a wider one is a part of the Internet. Bits. */
const NARROWEST = { 4: 8, 6: 16 };

/** @throws Error for what is not in form, and for whatever would trust everybody (CVE-2026-92395, CVE-2026-3635) */
export function readTrustedProxies(text: string): TrustedProxies {
  if (/^\d+$/.test(text)) {
    const hops = Number(text);
    if (hops < 1 || hops > HOPS_MAX) throw new NotInForm(text);
    return hops;
  }
  return readNetworks(text);
}

/** @throws Error for what is not in form, and for what holds a part of the Internet */
export function readNetworks(text: string): readonly string[] {
  const networks = itemsOf(text);
  for (const network of networks) checkNetwork(network);
  return Object.freeze(networks);
}

function checkNetwork(network: string): void {
  const [, address = '', bits] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const family = isIP(address);
  if (family === 0) throw new NotInForm(network);
  const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
  if (prefix > (family === 4 ? 32 : 128)) throw new NotInForm(network);
  // A network of IPv4 addresses in IPv6 clothes: it is refused, for parsers differ over what it holds. IPv4 says the same.
  if (family === 6 && mayHoldMapped(address, prefix)) throw new NotInForm(network);
  if (prefix < NARROWEST[family as 4 | 6]) throw new NotInForm(network);
}

/** Whether it is in, or holds, ::ffff:0:0/96, and with it every IPv4 address. */
function mayHoldMapped(address: string, prefix: number): boolean {
  const mapped = new BlockList();
  mapped.addSubnet('::ffff:0:0', 96, 'ipv6');
  const it = new BlockList();
  it.addSubnet(address, prefix, 'ipv6');
  return mapped.check(address, 'ipv6') || it.check('::ffff:0:0', 'ipv6');
}

/** Origins as browsers write them (RFC 6454): scheme, host and port, nothing after them, and never `*` or `null`. */
export function readOrigins(text: string): readonly string[] {
  const origins = itemsOf(text);
  for (const origin of origins) {
    if (origin.includes('*') || !URL.canParse(origin) || !/^https?:/.test(origin) || new URL(origin).origin !== origin)
      throw new NotInForm(origin);
  }
  return Object.freeze(origins);
}

function itemsOf(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes('')) throw new NotInForm(text);
  return [...new Set(items)];
}

/** So many requests in so many seconds. */
export interface Quota {
  readonly points: number;
  readonly seconds: number;
}

/** `<points>/<seconds>s`. A thousand million is where PostgreSQL's integers are near; nothing is kept for a day. */
export function readQuota(text: string): Quota {
  const [, points, seconds] = /^(\d{1,10})\/(\d{1,5})s$/.exec(text) ?? [];
  const quota = { points: Number(points), seconds: Number(seconds) };
  if (!(quota.points >= 1 && quota.points <= 1e9 && quota.seconds >= 1 && quota.seconds <= 3600))
    throw new NotInForm(text);
  return Object.freeze(quota);
}
