/** SOCKS 5 on the wire: RFC 1928 sections 3, 4 and 6, and RFC 1929. Pure; reads from what has come so far. */

export const socksReply = {
  ok: 0x00,
  failure: 0x01,
  notAllowed: 0x02,
  hostUnreachable: 0x04,
  refused: 0x05,
  timedOut: 0x06,
  command: 0x07,
  addressType: 0x08,
} as const;
export type SocksReply = (typeof socksReply)[keyof typeof socksReply];

/** `more`: not complete yet. `bad`: never will be. */
export type Read<T> = { readonly ok: T; readonly used: number } | 'more' | 'bad';

const version = 5;

export const socksMethod = { none: 0x00, password: 0x02, refused: 0xff } as const;
export type SocksMethod = (typeof socksMethod)[keyof typeof socksMethod];

/** The methods that the client offers. */
export function readGreeting(bytes: Buffer): Read<Buffer> {
  if (bytes.length > 0 && bytes[0] !== version) return 'bad';
  if (bytes.length < 2) return 'more';
  const end = 2 + bytes[1]!;
  if (bytes.length < end) return 'more';
  return { ok: bytes.subarray(2, end), used: end };
}

/** RFC 1929 section 2 has a version of its own. */
const loginVersion = 1;

export interface SocksLogin {
  readonly name: string;
  readonly password: string;
}

export function readLogin(bytes: Buffer): Read<SocksLogin> {
  if (bytes.length > 0 && bytes[0] !== loginVersion) return 'bad';
  if (bytes.length < 2) return 'more';
  const nameEnd = 2 + bytes[1]!;
  if (bytes.length <= nameEnd) return 'more';
  const end = nameEnd + 1 + bytes[nameEnd]!;
  if (bytes.length < end) return 'more';
  const name = bytes.toString('utf8', 2, nameEnd);
  return { ok: { name, password: bytes.toString('utf8', nameEnd + 1, end) }, used: end };
}

export function loginReply(accepted: boolean): Buffer {
  return Buffer.from([loginVersion, accepted ? 0 : 1]);
}

export type SocksRequest =
  | { readonly host: string; readonly port: number }
  /** What to answer to a request that is whole but not served here. */
  | { readonly refuse: SocksReply };

const connect = 1;
const byName = 3;
const addressBytes: Readonly<Record<number, number>> = { 1: 4, 4: 16 };

export function readRequest(bytes: Buffer): Read<SocksRequest> {
  if (bytes.length > 0 && bytes[0] !== version) return 'bad';
  if (bytes.length < 5) return 'more';
  if (bytes[2] !== 0) return 'bad';
  const type = bytes[3]!;
  const length = type === byName ? 1 + bytes[4]! : addressBytes[type];
  if (length === undefined) return { ok: { refuse: socksReply.addressType }, used: bytes.length };
  const end = 4 + length + 2;
  if (bytes.length < end) return 'more';
  if (bytes[1] !== connect) return { ok: { refuse: socksReply.command }, used: end };
  // An address has been resolved elsewhere already: no app is known by one.
  if (type !== byName) return { ok: { refuse: socksReply.addressType }, used: end };
  const host = bytes.toString('latin1', 5, end - 2).toLowerCase();
  return { ok: { host, port: bytes.readUInt16BE(end - 2) }, used: end };
}

export function methodReply(method: SocksMethod): Buffer {
  return Buffer.from([version, method]);
}

/** The bound address is nothing a client needs; zeros are usual. */
export function requestReply(code: SocksReply): Buffer {
  return Buffer.from([version, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}
