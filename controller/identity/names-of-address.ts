/** The plain name in a gateway's certificate: for clients other than ours, such as curl, which compare a host and know no SPIFFE. */
import { isIP } from 'node:net';
import { splitAddress } from '#shared/base/split-address.ts';

const hostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

export interface PlainNames {
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

/** Of `host:port` as an administrator gave it (IPv6 in brackets); nothing for what is neither a host name nor an address. */
export function namesOfAddress(address: string): PlainNames {
  const { host } = splitAddress(address);
  if (isIP(host) !== 0) return { ipAddresses: [host] };
  return hostName.test(host) ? { dnsNames: [host.toLowerCase()] } : {};
}
