import { BlockList, isIP } from 'node:net';

type Network = readonly [address: string, prefix: number];

/** IPv4 that is not of the Internet, or speaks for others (IANA's special-purpose registry). */
const SPECIAL_4: readonly Network[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's own services, in every machine there.
  ['168.63.129.16', 32],
  // With 169.254.169.254, where clouds tell a machine its secrets.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  // 6to4's relays.
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, reserved, and the broadcast address.
  ['224.0.0.0', 3],
];

/** What of 2000::/3, the Internet, leads elsewhere: Teredo and its like, documentation, 6to4. */
const SPECIAL_6: readonly Network[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const special4 = listOf(SPECIAL_4, 'ipv4');
const special6 = listOf(SPECIAL_6, 'ipv6');
// Whatever is not in it (::1, IPv4 in IPv6 clothes, NAT64, unique local, link-local, multicast …) is refused unnamed.
const internet6 = listOf([['2000::', 3]], 'ipv6');
const mapped = listOf([['::ffff:0:0', 96]], 'ipv6');

/** An IPv4 address at the end of an interface id (ISATAP, RFC 5214): a tunnel to it. */
const TUNNEL = /(?:^|:)(?:0|200)?:?5efe:[0-9a-f.:]+$/i;

function listOf(networks: readonly Network[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of networks) list.addSubnet(address, prefix, family);
  return list;
}

/** The networks that an operator allows beside the Internet. @param networks `10.1.0.0/16`, or one address */
export function networksOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
  }
  return list;
}

/** Whether somebody who gave us this address may have it called. */
export function mayBeCalled(address: string, allowed: BlockList): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  if (family === 4) return allowed.check(address, 'ipv4') || !special4.check(address, 'ipv4');
  // First: to Node an IPv4 rule speaks for the mapped address too.
  if (address.includes('%') || mapped.check(address, 'ipv6')) return false;
  if (allowed.check(address, 'ipv6')) return true;
  return internet6.check(address, 'ipv6') && !special6.check(address, 'ipv6') && !TUNNEL.test(address);
}
