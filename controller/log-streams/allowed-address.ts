/**
 * Where a target may be (only owners set one, but a stolen session must not turn the controller into a way to everything it can
 * reach): this host, private and public networks, as that is where collectors are; never link-local addresses, behind which clouds
 * hand out credentials, nor what is no single host. Judged is the address that is dialled, so no answer of a name server gets around it.
 */
import { lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { plainAddress } from '#shared/base/plain-address.ts';
import { Trouble } from './target.ts';

const never = new BlockList();
never.addSubnet('0.0.0.0', 8);
never.addSubnet('169.254.0.0', 16);
never.addSubnet('224.0.0.0', 3);
never.addAddress('100.100.100.200'); // metadata of one cloud, outside of link-local
never.addAddress('168.63.129.16'); // of another one, which hands out certificates
never.addAddress('192.0.0.192'); // of a third
never.addAddress('::', 'ipv6');
never.addSubnet('fe80::', 10, 'ipv6');
never.addSubnet('ff00::', 8, 'ipv6');
never.addAddress('fd00:ec2::254', 'ipv6');
never.addAddress('fd00:ec2::23', 'ipv6');
never.addAddress('fd20:ce::254', 'ipv6');
// IPv4 in other clothes: compatible, translated (RFC 2765), by 6to4 (RFC 3056), by a local translator (RFC 8215).
never.addSubnet('::', 96, 'ipv6');
never.addSubnet('::ffff:0:0:0', 96, 'ipv6');
never.addSubnet('2002::', 16, 'ipv6');
never.addSubnet('64:ff9b:1::', 48, 'ipv6');
const loopback = new BlockList();
loopback.addAddress('::1', 'ipv6');
/** RFC 6052: how a host without IPv4 reaches what has nothing else. */
const translated = /^\[64:ff9b::(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})\]$/;

export function isAllowed(address: string): boolean {
  const plain = plainAddress(address);
  const version = isIP(plain);
  if (version === 6) {
    if (loopback.check(plain, 'ipv6')) return true;
    const [, high, low] = translated.exec(new URL(`http://[${plain}]`).hostname) ?? [];
    if (low !== undefined) return isAllowed(dotted(high ?? '0', low));
  }
  return version !== 0 && !never.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}

const dotted = (...halves: readonly string[]): string =>
  halves.flatMap((half) => [Number.parseInt(half, 16) >> 8, Number.parseInt(half, 16) & 255]).join('.');

/** Throws a Trouble for an address in place of a name that is not allowed: nobody asks for its address. */
export function requireAllowed(host: string): void {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0 && !isAllowed(bare)) throw notAllowed(bare);
}

type Lookup = NonNullable<import('node:net').TcpSocketConnectOpts['lookup']>;

/** As `dns.lookup`, without the addresses that are not allowed. */
export const allowedLookup: Lookup = (host, options, done) => {
  lookup(host, { ...options, all: true }, (error, found) => {
    const answer = done as (error: Error | null, address?: unknown, family?: number) => void;
    if (error !== null) return answer(error);
    const good = found.filter(({ address }) => isAllowed(address));
    const [first] = good;
    if (first === undefined) return answer(notAllowed(host));
    if (options.all === true) answer(null, good);
    else answer(null, first.address, first.family);
  });
};

const notAllowed = (host: string): Trouble => new Trouble(`${host} is at an address to which no stream goes`);
