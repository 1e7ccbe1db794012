/** SOCKS 5 on the wire: RFC 1928 sections 3, 4 and 6. Pure; reads from what has come so far. */

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

/** Whether "no authentication" is among the methods. */
export function readGreeting(bytes: Buffer): Read<boolean> {
  if (bytes.length > 0 && bytes[0] !== version) return 'bad';
  if (bytes.length < 2) return 'more';
  const end = 2 + bytes[1]!;
  if (bytes.length < end) return 'more';
  return { ok: bytes.subarray(2, end).includes(0), used: end };
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

export function methodReply(accepted: boolean): Buffer {
  return Buffer.from([version, accepted ? 0 : 0xff]);
}

/** The bound address is nothing a client needs; zeros are usual. */
export function requestReply(code: SocksReply): Buffer {
  return Buffer.from([version, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}
