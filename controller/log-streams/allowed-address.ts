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
never.addAddress('::', 'ipv6');
never.addSubnet('fe80::', 10, 'ipv6');
never.addSubnet('ff00::', 8, 'ipv6');
never.addAddress('fd00:ec2::254', 'ipv6');

export function isAllowed(address: string): boolean {
  const plain = plainAddress(address);
  const version = isIP(plain);
  return version !== 0 && !never.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}

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
