/** Network addresses as 16 bytes, so that two spellings of one address are equal: IPv6 as it is, IPv4 mapped into it (RFC 4291 2.5.5.2). */
import { isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from './plain-address.ts';

const v4Prefix = Buffer.from('00000000000000000000ffff', 'hex');

/** Undefined for what is no address. A zone (`%eth0`) is left out. */
export function addressToBytes(address: string): Buffer | undefined {
  const plain = plainAddress(address);
  if (isIPv4(plain)) return Buffer.concat([v4Prefix, v4Bytes(plain)]);
  if (!isIPv6(plain)) return undefined;
  const bytes = Buffer.alloc(16);
  for (const [index, word] of wordsOf(plain).entries()) bytes.writeUInt16BE(word, 2 * index);
  return bytes;
}

/** In the spelling of `plainAddress`; IPv6 without the short form `::`, which says the same. Throws unless it is 16 bytes. */
export function bytesToAddress(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new TypeError('an address has 16 bytes');
  const all = Buffer.from(bytes);
  if (all.subarray(0, 12).equals(v4Prefix)) return [...all.subarray(12)].join('.');
  return Array.from({ length: 8 }, (_, index) => all.readUInt16BE(2 * index).toString(16)).join(':');
}

const v4Bytes = (address: string): Buffer => Buffer.from(address.split('.').map(Number));

/** The eight words of an IPv6 address; the last two may be written as IPv4. */
export function wordsOf(address: string): number[] {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (dotted !== null) {
    const last = v4Bytes(dotted[2]!);
    const words = [last.readUInt16BE(0), last.readUInt16BE(2)].map((word) => word.toString(16));
    return wordsOf(`${dotted[1]}${words.join(':')}`);
  }
  const [head = '', tail] = address.split('::') as [string, string?];
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  return [...first, ...Array<string>(gap).fill('0'), ...last].map((word) => Number.parseInt(word, 16));
}
