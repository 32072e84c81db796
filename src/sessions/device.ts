import { prefixOf } from '../platform/http/client-address.js';

/** In this order: each names also those that it resembles. */
const BROWSERS: readonly (readonly [name: string, mark: RegExp])[] = [
  ['Edge', /\bEdg(?:e|A|iOS)?\//],
  ['Opera', /\b(?:OPR|Opera)\//],
  ['Samsung Internet', /\bSamsungBrowser\//],
  ['Firefox', /\b(?:Firefox|FxiOS)\//],
  ['Chrome', /\b(?:Chrome|CriOS|HeadlessChrome)\//],
  ['Safari', /\bVersion\/[\d.]+ .*Safari\//],
];
const SYSTEMS: readonly (readonly [name: string, mark: RegExp])[] = [
  ['iPhone', /\biPhone\b/],
  ['iPad', /\biPad\b/],
  ['Android', /\bAndroid\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['Windows', /\bWindows\b/],
  ['macOS', /\bMac OS X\b/],
  ['Linux', /\bLinux\b/],
];
/** The first product of the header (RFC 9110, 10.1.5): `curl/8.5.0`. */
const PRODUCT = /^([A-Za-z][\w.-]{0,39})(?:\/|$|\s)/;

/** What a user agent says it is, for people to know their devices by: "Firefox on Windows". It proves nothing. */
export function deviceOf(userAgent: string | null): string | null {
  if (userAgent === null) return null;
  const browser = nameIn(BROWSERS, userAgent);
  const system = nameIn(SYSTEMS, userAgent);
  if (browser && system) return `${browser} on ${system}`;
  if (browser ?? system) return browser ?? system;
  return PRODUCT.exec(userAgent)?.[1] ?? null;
}

/**
 * The network about an address within which it may change from day to day, as CIDR: what providers give out, a /16 of
 * IPv4 and a /32 of IPv6. Narrower, and everybody is told of themselves each morning, until nobody reads it.
 */
export function neighbourhoodOf(address: string): string {
  if (!address.includes(':')) return `${address.split('.').slice(0, 2).join('.')}.0.0/16`;
  const [first, second] = prefixOf(address).split(':');
  return `${first}:${second}::/32`;
}

function nameIn(names: typeof BROWSERS, userAgent: string): string | null {
  return names.find(([, mark]) => mark.test(userAgent))?.[0] ?? null;
}
