import { isIPv6 } from 'node:net';

/** The part of an address that one subscriber has: IPv6 is handed out by /64 at least, so counting single ones counts nothing. */
export function sourceOf(address: string): string {
  if (isIPv6(address)) {
    const [head = '', tail] = address.replace(/%.*$/, '').split('::') as [string, string?];
    const first = head === '' ? [] : head.split(':');
    const last = tail === undefined || tail === '' ? [] : tail.split(':');
    const gap = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
    const words = [...first, ...Array<string>(gap).fill('0'), ...last].slice(0, 4);
    return `${words.map((word) => Number.parseInt(word, 16).toString(16)).join(':')}::/64`;
  }
  return address;
}
