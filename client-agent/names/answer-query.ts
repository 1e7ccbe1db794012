/**
 * What a query is answered with: A for this person's apps, NODATA for every other type of a name that is there, NXDOMAIN for the rest
 * of the zone, REFUSED outside of it. Pure.
 */
import { type Answer, encode } from 'dns-packet';
import type { NameTable } from './name-table.ts';
import { headerBytes, type Query, type Rcode, rcode, readQuery } from './read-query.ts';

export type Transport = 'udp' | 'tcp';

/** `forward`: a query outside the zones, which somebody else may answer. */
export type Reply =
  | { readonly kind: 'silence' }
  | { readonly kind: 'answer'; readonly bytes: Buffer }
  | { readonly kind: 'forward'; readonly query: Query };

/** Seconds. Short, so that a name is there soon after its app is; longer than the burst of look-ups of one page. */
const addressTtl = 5;
/** Of a name that is not there: somebody who signs in must not wait for it. */
const absentTtl = 1;
/** What fits every path (DNS Flag Day 2020), and far more than any answer here has. */
export const maxUdpBytes = 1232;

const typeOf = { a: 1, soa: 6, opt: 41, any: 255 } as const;
const classIn = 1;
/** RFC 6895 section 3.1: Q and meta types, which are no data of a name: TKEY, TSIG, IXFR, AXFR, MAILB, MAILA. */
const isMeta = (type: number): boolean => type === typeOf.opt || (type >= 249 && type <= 254);

export interface AnswerRules {
  readonly names: NameTable;
  readonly transport: Transport;
  /** Whether what is outside the zones goes to another server. */
  readonly forwards: boolean;
}

export function answerQuery(bytes: Buffer, rules: AnswerRules): Reply {
  const read = readQuery(bytes);
  if (read.kind === 'silence') return read;
  const { query } = read;
  const reply = (code: Rcode, parts: Sections = {}): Reply => ({
    kind: 'answer',
    bytes: write(query, code, rules, parts),
  });
  if (read.kind === 'wrong') return reply(read.rcode);
  if (query.class !== classIn || isMeta(query.type)) return reply(rcode.refused);
  const found = query.isPlain ? rules.names.find(query.name.toLowerCase()) : undefined;
  if (found === undefined || found.kind === 'outside') {
    // A name that cannot be told for sure stays here: it could be one of the zone.
    const mayForward = rules.forwards && found !== undefined && wantsRecursion(query);
    return mayForward ? { kind: 'forward', query } : reply(rcode.refused);
  }
  const { zone } = found;
  const soa = startOf(zone);
  if (found.kind === 'absent') return reply(rcode.nxDomain, { authorities: [soa] });
  const answers: Answer[] = [];
  const { address } = found;
  const wantsAny = query.type === typeOf.any;
  // RFC 8482: one of the sets is a whole answer to ANY.
  if (address !== undefined && (wantsAny || query.type === typeOf.a)) {
    answers.push({ type: 'A', name: query.name, ttl: addressTtl, data: address });
  } else if (query.name.toLowerCase() === zone && (wantsAny || query.type === typeOf.soa)) answers.push(soa);
  return reply(rcode.noError, answers.length > 0 ? { answers } : { authorities: [soa] });
}

/** SERVFAIL: the other server could not be asked. Undefined for what is no query. */
export function answerFailed(bytes: Buffer, rules: AnswerRules): Buffer | undefined {
  const read = readQuery(bytes);
  return read.kind === 'query' ? write(read.query, rcode.servFail, rules, {}) : undefined;
}

/** REFUSED with nothing of the question read, for somebody who may not ask. */
export function refuseUnread(bytes: Buffer): Buffer | undefined {
  if (bytes.length < headerBytes || (bytes[2]! & 0x80) !== 0) return undefined;
  const header = Buffer.alloc(headerBytes);
  bytes.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8000 | (bytes.readUInt16BE(2) & 0x7900) | rcode.refused, 2);
  return header;
}

interface Sections {
  readonly answers?: Answer[];
  readonly authorities?: Answer[];
}

const wantsRecursion = ({ flags }: Query): boolean => (flags & 0x0100) !== 0;

/** RFC 2308 section 4: how long an absence may be kept. No server of this zone can be named to the world. */
function startOf(zone: string): Answer {
  const times = { serial: 1, refresh: 3600, retry: 1200, expire: 604_800, minimum: absentTtl };
  return { type: 'SOA', name: zone, ttl: absentTtl, data: { mname: 'localhost', rname: 'nobody.invalid', ...times } };
}

/** The header by hand and the question as it came: both repeat what the asker sent, bit by bit. */
function write(query: Query, code: Rcode, { transport, forwards }: AnswerRules, sections: Sections): Buffer {
  const { edns } = query;
  const limit = transport === 'tcp' ? 65_535 : Math.min(edns?.size ?? 512, maxUdpBytes);
  const whole = build(query, code, sections, forwards, false);
  return whole.length <= limit ? whole : build(query, code, {}, forwards, true);
}

function build(query: Query, code: Rcode, sections: Sections, forwards: boolean, truncated: boolean): Buffer {
  const { answers = [], authorities = [] } = sections;
  const { edns } = query;
  const additionals: Answer[] =
    edns === undefined
      ? []
      : [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: maxUdpBytes,
            extendedRcode: code >> 4,
            ednsVersion: 0,
            // RFC 3225 section 3: the bit comes back as it was sent.
            flags: edns.dnssecOk ? 0x8000 : 0,
            flag_do: edns.dnssecOk,
            options: [],
          },
        ];
  const records = encode({ answers, authorities, additionals }).subarray(headerBytes);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(query.id, 0);
  const isOurs = code === rcode.noError || code === rcode.nxDomain;
  const flags =
    0x8000 |
    (query.flags & 0x7800) |
    (isOurs ? 0x0400 : 0) |
    (truncated ? 0x0200 : 0) |
    (query.flags & 0x0110) |
    (forwards ? 0x0080 : 0) |
    (code & 0x0f);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(query.question.length > 0 ? 1 : 0, 4);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt16BE(authorities.length, 8);
  header.writeUInt16BE(additionals.length, 10);
  return Buffer.concat([header, query.question, records]);
}
