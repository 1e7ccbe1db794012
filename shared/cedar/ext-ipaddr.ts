/** `ipaddr`: an address, or a range in CIDR form. Two are equal when address and prefix are. */
import { EvaluationError } from './evaluation-error.ts';
import { Extension } from './values.ts';

export class IpAddr extends Extension {
  readonly typeName = 'ipaddr';
  readonly bits: 32 | 128;
  readonly address: bigint;
  readonly prefix: number;

  constructor(bits: 32 | 128, address: bigint, prefix: number) {
    super();
    this.bits = bits;
    this.address = address;
    this.prefix = prefix;
  }

  /** Every address of this range is in the other. A range of the other family never is. */
  isInRange(other: IpAddr): boolean {
    if (this.bits !== other.bits || this.prefix < other.prefix) return false;
    const shift = BigInt(other.bits - other.prefix);
    return this.address >> shift === other.address >> shift;
  }

  isLoopback(): boolean {
    return this.isInRange(this.bits === 32 ? loopback4 : loopback6);
  }

  isMulticast(): boolean {
    return this.isInRange(this.bits === 32 ? multicast4 : multicast6);
  }

  protected override makeKey(): string {
    return `i${this.bits},${this.address},${this.prefix};`;
  }
}

const loopback4 = new IpAddr(32, 127n << 24n, 8);
const loopback6 = new IpAddr(128, 1n, 128);
const multicast4 = new IpAddr(32, 224n << 24n, 4);
const multicast6 = new IpAddr(128, 0xffn << 120n, 8);

/** The longest text: 39 characters of address, a slash and three digits. */
const maxLength = 43;

/**
 * IPv4 in four decimal parts without leading zeros, IPv6 as RFC 4291 writes it; no IPv4 inside IPv6, no zone. A prefix has
 * no leading zeros. Throws `EvaluationError` for every other text.
 */
export function parseIpAddr(text: string): IpAddr {
  const parsed = text.length <= maxLength ? parse(text) : undefined;
  if (parsed === undefined) throw new EvaluationError('extension', `invalid IP address: ${text.slice(0, 100)}`);
  return parsed;
}

function parse(text: string): IpAddr | undefined {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const bits = host.includes(':') ? 128 : 32;
  const address = bits === 32 ? parse4(host) : parse6(host);
  const prefix = slash < 0 ? bits : parsePrefix(text.slice(slash + 1), bits);
  return address === undefined || prefix === undefined ? undefined : new IpAddr(bits, address, prefix);
}

function parsePrefix(text: string, bits: 32 | 128): number | undefined {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return undefined;
  const prefix = Number(text);
  return prefix <= bits ? prefix : undefined;
}

function parse4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = address * 256 + Number(part);
  }
  return BigInt(address);
}

function parse6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[]?];
  const groups = [...head, ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return undefined;
  // "::" stands for at least one group.
  if (tail === undefined ? groups.length !== 8 : groups.length > 7) return undefined;
  const zeros = Array.from({ length: 8 - groups.length }, () => '0');
  let address = 0n;
  for (const group of [...head, ...zeros, ...(tail ?? [])]) address = (address << 16n) | BigInt(`0x${group}`);
  return address;
}
