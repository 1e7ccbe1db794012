/**
 * One DNS message as a query, read in a strict order: what cannot be one is met with silence, what is one and wrong with a code.
 * RFC 1035 section 4.1, RFC 6891 (EDNS), RFC 9619 (one question). Pure.
 */
import { type DecodedPacket, decode, type OptAnswer } from 'dns-packet';

/** RFC 1035 section 4.1.1, RFC 6895 section 2.3. */
export const rcode = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5, badVers: 16 } as const;
export type Rcode = (typeof rcode)[keyof typeof rcode];

export const headerBytes = 12;
/** Of a query; over TCP the length field would allow 65,535. */
export const maxQueryBytes = 4096;
const maxName = 255;

export interface Edns {
  /** What the asker takes by UDP; at least 512. */
  readonly size: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

export interface Query {
  readonly id: number;
  /** Of the query: RD and CD come back as they were sent. */
  readonly flags: number;
  /** As it came, to be sent back byte by byte: askers check the case of every letter (0x20). Empty when it could not be read. */
  readonly question: Buffer;
  /** As it came, dots between labels. */
  readonly name: string;
  /** Whether the name is one of letters, digits, `-` and `_` alone: any other is nobody's here, and dots in it would mislead. */
  readonly isPlain: boolean;
  readonly type: number;
  readonly class: number;
  readonly edns: Edns | undefined;
}

/** `rcode`: answer with this and nothing more. */
export type Read =
  | { readonly kind: 'silence' }
  | { readonly kind: 'wrong'; readonly rcode: Rcode; readonly query: Query }
  | { readonly kind: 'query'; readonly query: Query };

const silence: Read = { kind: 'silence' };

export function readQuery(bytes: Buffer): Read {
  // An answer is never answered: two servers would talk to each other for ever.
  if (bytes.length < headerBytes || (bytes[2]! & 0x80) !== 0) return silence;
  const flags = bytes.readUInt16BE(2);
  const bare: Query = { ...nothing, id: bytes.readUInt16BE(0), flags };
  const wrong = (code: Rcode, query = bare): Read => ({ kind: 'wrong', rcode: code, query });
  if (bytes.length > maxQueryBytes) return wrong(rcode.formErr);
  if ((flags & 0x7800) !== 0) return wrong(rcode.notImp);
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  if (questions !== 1 || answers !== 0 || authorities !== 0 || additionals! > 1) return wrong(rcode.formErr);
  const asked = readQuestion(bytes);
  if (asked === undefined) return wrong(rcode.formErr);
  const packet = tryDecode(bytes);
  if (packet === undefined) return wrong(rcode.formErr);
  const edns = readEdns(packet);
  if (edns === 'wrong') return wrong(rcode.formErr, { ...bare, ...asked });
  const query: Query = { ...bare, ...asked, edns };
  if (edns !== undefined && edns.version !== 0) return wrong(rcode.badVers, query);
  return { kind: 'query', query };
}

const nothing = { question: Buffer.alloc(0), name: '', isPlain: false, type: 0, class: 0, edns: undefined };

/** Undefined for a name that does not end, is too long or is a pointer: there is nothing before it to point at. */
function readQuestion(bytes: Buffer): Pick<Query, 'question' | 'name' | 'isPlain' | 'type' | 'class'> | undefined {
  const labels: string[] = [];
  let at = headerBytes;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) break;
    labels.push(bytes.toString('latin1', at, at + length));
    at += length;
    if (at - headerBytes >= maxName) return undefined;
  }
  if (at + 4 > bytes.length) return undefined;
  return {
    question: bytes.subarray(headerBytes, at + 4),
    name: labels.join('.'),
    isPlain: labels.every((label) => /^[A-Za-z0-9_-]+$/.test(label)),
    type: bytes.readUInt16BE(at),
    class: bytes.readUInt16BE(at + 2),
  };
}

/** Undefined for what is no message, bytes after its end included. */
function tryDecode(bytes: Buffer): DecodedPacket | undefined {
  try {
    const packet = decode(bytes);
    return decode.bytes === bytes.length ? packet : undefined;
  } catch {
    return undefined;
  }
}

/** Nothing else can be added to a query here: who signs one (TSIG) wants what this server cannot give. */
function readEdns({ additionals = [] }: DecodedPacket): Edns | undefined | 'wrong' {
  const [only] = additionals;
  if (only === undefined) return undefined;
  if (only.type !== 'OPT' || only.name !== '.') return 'wrong';
  const { udpPayloadSize, ednsVersion, flags } = only as OptAnswer;
  return { size: Math.max(512, udpPayloadSize), version: ednsVersion, dnssecOk: (flags & 0x8000) !== 0 };
}
