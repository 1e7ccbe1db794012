/** Addresses as hexadecimal text of 16 bytes (IPv4 mapped, RFC 4291 section 2.5.5.2), so that a network is a range of text. */
import { isIP } from 'node:net';
import { addressToBytes } from '#shared/base/address-bytes.ts';

export interface Network {
  /** 32 hexadecimal digits each, inclusive. */
  readonly low: string;
  readonly high: string;
  /** Of the 16 bytes: an IPv4 /8 has 104. */
  readonly bits: number;
}

/** Undefined for what is neither an address nor a network in CIDR form. Bits of the host are left out. */
export function readNetwork(text: string): Network | undefined {
  const [address = '', length, ...more] = text.split('/');
  const version = isIP(address);
  const bytes = addressToBytes(address);
  if (bytes === undefined || version === 0 || more.length > 0) return undefined;
  const most = version === 4 ? 32 : 128;
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > most)) return undefined;
  const bits = (length === undefined ? most : Number(length)) + (128 - most);
  const low = Buffer.from(bytes);
  const high = Buffer.from(bytes);
  for (let at = 0; at < 16; at++) {
    const kept = Math.min(8, Math.max(0, bits - at * 8));
    const mask = (0xff00 >> kept) & 0xff;
    low[at]! &= mask;
    high[at]! |= ~mask & 0xff;
  }
  return { low: low.toString('hex'), high: high.toString('hex'), bits };
}

export const addressHex = (address: string): string | undefined => addressToBytes(address)?.toString('hex');

const v4 = '00000000000000000000ffff';

/** The network that an address is also kept under, so that wide ones need few rows: /16 of IPv4, /48 of IPv6. */
export const wideDigits = (hex: string): number => (hex.startsWith(v4) ? 28 : 12);
