/** Messages to the agent's DNS server: noise, altered queries, queries of every kind. Judged by a second reading of question and answer. */
import { decode, encode, type Packet } from 'dns-packet';
import fc from 'fast-check';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import { type AnswerRules, answerQuery, maxUdpBytes } from '../../../client-agent/names/answer-query.ts';
import { makeNameTable } from '../../../client-agent/names/name-table.ts';
import { mutated } from '../mutate.ts';
import { type FuzzTarget, must, type OpenTarget } from '../target.ts';

const zone = 'corp.internal';
const own = `wiki.${zone}`;
const apps: AppListed[] = [{ id: 'wiki', name: 'wiki', kind: 'http', hosts: [own], usable: true, fixes: [] }];
const names = makeNameTable([zone], apps, () => '127.1.2.3');

interface Case {
  readonly bytes: Buffer;
  readonly transport: AnswerRules['transport'];
  readonly forwards: boolean;
}

const label = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/), fc.string({ minLength: 1, maxLength: 20 }));
const name = fc.oneof(
  fc.constantFrom(own, own.toUpperCase(), zone, `pay.${zone}`, `x.${own}`, 'example.com', '.'),
  fc.array(label, { minLength: 1, maxLength: 12 }).map((labels) => `${labels.join('.')}.${zone}`),
);
const opt = fc.record({
  type: fc.constant('OPT' as const),
  name: fc.constant('.' as const),
  udpPayloadSize: fc.nat(0xffff),
  extendedRcode: fc.nat(255),
  ednsVersion: fc.oneof(fc.constant(0), fc.nat(255)),
  flags: fc.nat(0xffff),
  flag_do: fc.boolean(),
  options: fc.array(fc.record({ code: fc.nat(0xffff), data: fc.uint8Array({ maxLength: 40 }).map(Buffer.from) }), {
    maxLength: 3,
  }),
});
const types = ['A', 'AAAA', 'ANY', 'SOA', 'NS', 'TXT', 'SRV', 'AXFR', 'OPT', 'UNKNOWN_64', 'UNKNOWN_65', 'RRSIG'];
const good: fc.Arbitrary<Buffer> = fc
  .record({
    id: fc.nat(0xffff),
    flags: fc.nat(0x7fff),
    name,
    type: fc.constantFrom(...types),
    opts: fc.array(opt, { maxLength: 2 }),
  })
  .map(({ id, flags, name, type, opts }) => {
    const packet = { type: 'query', id, flags: flags & 0x0110, questions: [{ name, type }], additionals: opts };
    try {
      return encode(packet as unknown as Packet);
    } catch {
      // A name that cannot be written is no query.
      return Buffer.from(name);
    }
  });
const cases: fc.Arbitrary<Case> = fc.record({
  bytes: fc.oneof(
    { weight: 4, arbitrary: mutated(good, { tokens: ['\xc0\x0c', '\xc0\x00', '\x3f', '\x04wiki'] }) },
    { weight: 2, arbitrary: good },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 700 }).map(Buffer.from) },
  ),
  transport: fc.constantFrom('udp' as const, 'tcp' as const),
  forwards: fc.boolean(),
});

/** Written for itself: labels of the first question, lower case; undefined for what has none. */
function labelsOf(bytes: Buffer): string[] | undefined {
  const labels: string[] = [];
  for (let at = 12; ; ) {
    const length = bytes[at];
    if (length === undefined || length > 63 || at + 1 + length > bytes.length) return undefined;
    if (length === 0) return labels;
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length).toLowerCase());
    at += 1 + length;
  }
}

export const dns: FuzzTarget = {
  name: 'dns',
  about: "messages to the agent's DNS server: noise, altered queries, queries of every kind",
  block: 2000,
  async open() {
    return {
      cases: cases as fc.Arbitrary<never>,
      judge({ bytes, transport, forwards }: Case) {
        const asked = Buffer.from(bytes);
        const reply = answerQuery(bytes, { names, transport, forwards });
        must(bytes.equals(asked), 'the message was written to');
        const labels = labelsOf(asked);
        const isIn = labels?.slice(-2).join('\n') === 'corp\ninternal';
        if (reply.kind === 'silence') {
          must(asked.length < 12 || (asked[2]! & 0x80) !== 0, 'silence for a query');
          return;
        }
        if (reply.kind === 'forward') {
          must(forwards && !isIn, 'a name of the zone leaves this device');
          return;
        }
        const packet = decode(reply.bytes) as ReturnType<typeof decode> & { rcode: string };
        must((asked[2]! & 0x80) === 0, 'an answer was answered');
        must(
          packet.type === 'response' && reply.bytes.readUInt16BE(0) === asked.readUInt16BE(0),
          'no answer to this query',
        );
        must(transport === 'tcp' || reply.bytes.length <= maxUdpBytes, `a datagram of ${reply.bytes.length} bytes`);
        must(reply.bytes.length <= asked.length + 120, `${reply.bytes.length} bytes for ${asked.length}`);
        if (packet.questions!.length > 0) {
          const end = reply.bytes.indexOf(0, 12);
          must(end > 0 && asked.subarray(12, 17).equals(reply.bytes.subarray(12, 17)), 'another question');
        }
        const addresses = packet.answers!.filter(({ type }) => type === 'A');
        const isOwn = labels?.join('\n') === own.replaceAll('.', '\n');
        must(addresses.length === 0 || isOwn, `an address for ${labels?.join('|')}`);
        if (packet.rcode === 'NXDOMAIN') must(isIn && !isOwn, 'NXDOMAIN for what is not ours to say');
      },
    } as OpenTarget<never>;
  },
};
