import { isIPv6 } from 'node:net';
import { wordsOf } from './address-bytes.ts';

/** The part of an address that one subscriber has: IPv6 is handed out by /64 at least, so counting single ones counts nothing. */
export function sourceOf(address: string): string {
  if (!isIPv6(address)) return address;
  const words = wordsOf(address.replace(/%.*$/, '')).slice(0, 4);
  return `${words.map((word) => word.toString(16)).join(':')}::/64`;
}
