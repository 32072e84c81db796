import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

import type { FastifyRequest } from 'fastify';

import type { TrustedProxies } from '../config/network.js';

/** Some proxies write the port too. */
const WITH_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/;
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Addresses that nobody has on the Internet: whoever connects from one is on the operator's side of it. */
const PRIVATE = new BlockList();
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  PRIVATE.addSubnet(network, bits);
PRIVATE.addAddress('::1', 'ipv6');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');

type Trust = false | string[] | ((address: string, hop: number) => boolean);

/**
 * What Fastify is to believe. A number of hops alone would believe everybody who connects past the proxy (CVE-2026-3635,
 * for which Fastify takes no numbers any more): so the nearest proxy must also be on a private network.
 */
export function trustOf(proxies: TrustedProxies): Trust {
  if (proxies === false) return false;
  if (typeof proxies !== 'number') return [...proxies];
  return (address, hop) => hop < proxies && (hop > 0 || isPrivate(address));
}

type Trusts = (address: string, hop: number) => boolean;

/** The same of a request that Fastify never sees, because it asks for a socket: whose word about the client is believed. */
export function trustsOf(proxies: TrustedProxies): Trusts {
  const trust = trustOf(proxies);
  if (trust === false) return () => false;
  if (typeof trust === 'function') return trust;
  const trusted = new BlockList();
  for (const network of trust) {
    const [address = '', bits] = network.split('/');
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    trusted.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family);
  }
  return (address) => {
    const known = plain(address);
    return known !== null && trusted.check(known, known.includes(':') ? 'ipv6' : 'ipv4');
  };
}

/** The address of the client of such a request, as `clientAddress` gives it. */
export function rawClientAddress({ socket, headers }: IncomingMessage, trusts: Trusts): string {
  const nearest = socket.remoteAddress ?? '';
  const said = [headers['x-forwarded-for'] ?? []].flat().join(',');
  const hops = [nearest, ...(said === '' ? [] : said.split(',').reverse())].map((hop) => hop.trim());
  const first = hops.findIndex((address, hop) => !trusts(address, hop));
  return plain(hops[first] ?? hops.at(-1)) ?? plain(nearest) ?? '0.0.0.0';
}

function isPrivate(address: string): boolean {
  const known = plain(address);
  return known !== null && PRIVATE.check(known, known.includes(':') ? 'ipv6' : 'ipv4');
}

/**
 * The address of the client: of whoever is connected, or what a trusted proxy says of them. A proxy may pass on a text
 * that is no address; then it is the proxy's own, for the text is the client's to choose. Without a zone (fe80::1%eth0),
 * which means nothing beyond this machine, and IPv4 always as IPv4.
 */
export function clientAddress(request: FastifyRequest): string {
  return plain(request.ip) ?? plain(request.socket.remoteAddress) ?? '0.0.0.0';
}

function plain(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (!text.includes(':')) return isIP(text) === 4 ? text : null;
  const [, ipv6, ipv4] = WITH_PORT.exec(text) ?? [];
  const address = (ipv6 ?? ipv4 ?? text).replace(/%.*$/, '');
  if (isIP(address) === 0) return null;
  return MAPPED.exec(address)?.[1] ?? address;
}

/**
 * What one person most likely has: an IPv4 address, or a /64 of IPv6 (RFC 6177), all of whose addresses are theirs.
 * @param address as `clientAddress` gives it
 */
export function prefixOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = !tail ? [] : tail.split(':');
  // An IPv4 tail (64:ff9b::192.0.2.1) stands for two groups.
  const groups = after.length + (address.includes('.') ? 1 : 0);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - groups);
  const first = [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4);
  return `${first.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
