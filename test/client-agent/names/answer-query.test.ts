/** P12 by DNS: names of this person's apps, and nothing else of the zone; every odd message has its one answer. */
import { type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet';
import fc from 'fast-check';
import t from 'tap';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import { type AnswerRules, answerQuery, maxUdpBytes, refuseUnread } from '../../../client-agent/names/answer-query.ts';
import { makeNameTable } from '../../../client-agent/names/name-table.ts';
import { applyEdits, edits } from '../../fuzz/mutate.ts';

const zone = 'sdp.example.com';
const app = (id: string, ...hosts: string[]): AppListed => ({
  id,
  name: id,
  kind: 'http',
  hosts,
  usable: true,
  fixes: [],
});
const apps = [app('wiki', `wiki.${zone}`), app('deep', `a.b.${zone}`), app('away', 'wiki.elsewhere.example')];
const names = makeNameTable([zone, `inner.${zone}`], apps, (host) =>
  host.startsWith('a.') ? '127.1.2.3' : '127.0.0.1',
);
const udp: AnswerRules = { names, transport: 'udp', forwards: false };

const opt = (more: object = {}) => ({
  type: 'OPT' as const,
  name: '.' as const,
  udpPayloadSize: 4096,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
  ...more,
});

function query(name: string, type: string, more: Packet = {}): Buffer {
  const question = { name, type: type as 'A', class: 'IN' as const };
  return encode({ type: 'query', id: 4711, flags: RECURSION_DESIRED, questions: [question], ...more });
}

function answered(bytes: Buffer, rules = udp): DecodedPacket & { rcode: string } {
  const reply = answerQuery(bytes, rules);
  if (reply.kind !== 'answer') throw new Error(`no answer but ${reply.kind}`);
  return decode(reply.bytes) as DecodedPacket & { rcode: string };
}

const sections = ({ answers, authorities, rcode }: DecodedPacket & { rcode: string }) => ({
  rcode,
  answers: answers!.map(({ type }) => type),
  authorities: authorities!.map(({ type, name }) => `${type} ${name}`),
});

t.test('P12: only the apps of this person have names', async (t) => {
  const soa = [`SOA ${zone}`];
  const rows: [name: string, type: string, rcode: string, answers: string[], authorities: string[]][] = [
    [`wiki.${zone}`, 'A', 'NOERROR', ['A'], []],
    [`wiki.${zone}`, 'ANY', 'NOERROR', ['A'], []],
    [`wiki.${zone}`, 'AAAA', 'NOERROR', [], soa],
    [`wiki.${zone}`, 'TXT', 'NOERROR', [], soa],
    [`wiki.${zone}`, 'UNKNOWN_64', 'NOERROR', [], soa],
    [`wiki.${zone}`, 'UNKNOWN_65', 'NOERROR', [], soa],
    [`wiki.${zone}`, 'DS', 'NOERROR', [], soa],
    [`pay.${zone}`, 'A', 'NXDOMAIN', [], soa],
    [`pay.${zone}`, 'AAAA', 'NXDOMAIN', [], soa],
    [`x.wiki.${zone}`, 'A', 'NXDOMAIN', [], soa],
    [`wikix.${zone}`, 'A', 'NXDOMAIN', [], soa],
    // Between the zone and a name: there, without data (RFC 8020).
    [`b.${zone}`, 'A', 'NOERROR', [], soa],
    [`a.b.${zone}`, 'A', 'NOERROR', ['A'], []],
    [zone, 'SOA', 'NOERROR', ['SOA'], []],
    [zone, 'A', 'NOERROR', [], soa],
    [`inner.${zone}`, 'NS', 'NOERROR', [], [`SOA inner.${zone}`]],
    [`x.inner.${zone}`, 'A', 'NXDOMAIN', [], [`SOA inner.${zone}`]],
    ['wiki.elsewhere.example', 'A', 'REFUSED', [], []],
    [`x${zone}`, 'A', 'REFUSED', [], []],
    ['example.com', 'A', 'REFUSED', [], []],
    ['.', 'NS', 'REFUSED', [], []],
    [`wiki.${zone}`, 'AXFR', 'REFUSED', [], []],
    [`wiki.${zone}`, 'IXFR', 'REFUSED', [], []],
    [`wiki.${zone}`, 'OPT', 'REFUSED', [], []],
  ];
  for (const [name, type, rcode, answers, authorities] of rows) {
    t.strictSame(sections(answered(query(name, type))), { rcode, answers, authorities }, `${type} ${name}`);
  }
  const chaos = query(`wiki.${zone}`, 'A');
  chaos.writeUInt16BE(3, chaos.length - 2);
  t.equal(answered(chaos).rcode, 'REFUSED', 'another class');
});

t.test('what is answered is the question as it came, with its address', async (t) => {
  const asked = query(`WiKi.${zone.toUpperCase()}`, 'A');
  const reply = answered(asked);
  t.equal(reply.id, 4711);
  t.equal(reply.questions![0]!.name, `WiKi.${zone.toUpperCase()}`);
  t.match(reply.answers![0], { name: `WiKi.${zone.toUpperCase()}`, data: '127.0.0.1', ttl: 5 });
  t.match(reply, { flag_qr: true, flag_aa: true, flag_rd: true, flag_ra: false, flag_ad: false, flag_tc: false });
  t.equal((answered(query(`a.b.${zone}`, 'A')).answers![0] as { data: string }).data, '127.1.2.3');
});

t.test('a name that is there without an address has no data', async (t) => {
  const without = makeNameTable([zone], apps, () => undefined);
  const reply = answered(query(`wiki.${zone}`, 'A'), { ...udp, names: without });
  t.strictSame(sections(reply), { rcode: 'NOERROR', answers: [], authorities: [`SOA ${zone}`] });
});

t.test('EDNS comes back when it was sent, and only then', async (t) => {
  t.strictSame(answered(query(`wiki.${zone}`, 'A')).additionals, []);
  const plain = answered(query(`wiki.${zone}`, 'A', { additionals: [opt({ flags: 0x8000, flag_do: true })] }));
  t.match(plain.additionals, [{ type: 'OPT', ednsVersion: 0, extendedRcode: 0, udpPayloadSize: 1232, flag_do: true }]);
  const unknown = opt({ options: [{ code: 65001, data: Buffer.from('x') }] });
  const withOption = answered(query(`wiki.${zone}`, 'A', { additionals: [unknown] }));
  t.match(withOption.additionals, [{ type: 'OPT', flag_do: false }], 'an unknown option is ignored');
  t.equal((withOption.additionals![0] as { options: unknown[] }).options.length, 0);
  const later = answered(query(`wiki.${zone}`, 'A', { additionals: [opt({ ednsVersion: 1 })] }));
  t.match(later.additionals, [{ type: 'OPT', ednsVersion: 0, extendedRcode: 1 }], 'BADVERS');
  t.equal(later.answers!.length, 0);
});

t.test('what does not fit into the datagram is truncated; by TCP it is whole', async (t) => {
  const long = `${'x'.repeat(63)}.${'y'.repeat(63)}.${'z'.repeat(63)}.${zone}`;
  const table = makeNameTable([zone], [app('long', long)], () => '127.0.0.1');
  const rules = { ...udp, names: table };
  const small = answered(query(long, 'A'), rules);
  t.match(small, { flag_tc: false }, 'this one still fits 512 bytes');
  const longZone = `${'z'.repeat(63)}.${'y'.repeat(63)}.${'x'.repeat(63)}`;
  const inLongZone = makeNameTable([longZone], [], () => undefined);
  const asked = query(`${'n'.repeat(55)}.${longZone}`, 'A');
  const cut = answered(asked, { ...rules, names: inLongZone });
  t.match(cut, { flag_tc: true, rcode: 'NXDOMAIN', authorities: [] });
  const whole = answered(asked, { ...rules, names: inLongZone, transport: 'tcp' });
  t.match(whole, { flag_tc: false, authorities: [{ type: 'SOA' }] });
  const withEdns = query(`${'n'.repeat(55)}.${longZone}`, 'A', { additionals: [opt()] });
  t.match(answered(withEdns, { ...rules, names: inLongZone }), { flag_tc: false });
});

t.test('what is wrong has its code, what is no query is met with silence', async (t) => {
  const good = query(`wiki.${zone}`, 'A');
  const changed = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(good);
    bytes.writeUInt16BE(value, at);
    return bytes;
  };
  const two = encode({
    type: 'query',
    questions: [
      { name: `wiki.${zone}`, type: 'A' },
      { name: `wiki.${zone}`, type: 'AAAA' },
    ],
  });
  const loop = Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
  // The pointer of the added record points at itself.
  const optLoop = Buffer.concat([changed(10, 1), Buffer.from([0xc0, good.length, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0])]);
  const rows: [what: string, bytes: Buffer, rcode: string][] = [
    ['no question', changed(4, 0), 'FORMERR'],
    ['two questions', two, 'FORMERR'],
    ['an answer in the query', changed(6, 1), 'FORMERR'],
    ['authority in the query', changed(8, 1), 'FORMERR'],
    ['an additional record that is not there', changed(10, 1), 'FORMERR'],
    ['65,535 questions', changed(4, 0xffff), 'FORMERR'],
    ['a name that points at itself', loop, 'FORMERR'],
    ['an OPT that points at itself', optLoop, 'FORMERR'],
    ['bytes after the end', Buffer.concat([good, Buffer.from('x')]), 'FORMERR'],
    ['cut in the name', good.subarray(0, 20), 'FORMERR'],
    ['cut in the class', good.subarray(0, -1), 'FORMERR'],
    ['a header alone', good.subarray(0, 12), 'FORMERR'],
    ['two OPT', query(`wiki.${zone}`, 'A', { additionals: [opt(), opt()] }), 'FORMERR'],
    ['another record added', query('x.', 'A', { additionals: [{ type: 'A', name: 'x', data: '1.2.3.4' }] }), 'FORMERR'],
    ['too long', Buffer.concat([good, Buffer.alloc(5000)]), 'FORMERR'],
    ['NOTIFY', changed(2, 4 << 11), 'NOTIMP'],
    ['UPDATE', changed(2, 5 << 11), 'NOTIMP'],
    ['IQUERY', changed(2, 1 << 11), 'NOTIMP'],
  ];
  for (const [what, bytes, rcode] of rows) t.equal(answered(bytes).rcode, rcode, what);
  const silent = [changed(2, 0x8000), Buffer.alloc(0), good.subarray(0, 11), Buffer.alloc(11, 0xff)];
  for (const bytes of silent) t.equal(answerQuery(bytes, udp).kind, 'silence', bytes.toString('hex'));
  t.equal(refuseUnread(changed(2, 0x8000)), undefined);
  t.equal((decode(refuseUnread(good)!) as unknown as { rcode: string }).rcode, 'REFUSED');
});

t.test('a dot or any other odd byte within a label is not taken for a name', async (t) => {
  const labels = [`wiki.${zone.split('.')[0]}`, 'example', 'com'].map((label) => Buffer.from(label));
  const name = Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])]);
  const bytes = Buffer.concat([query('x', 'A').subarray(0, 12), name, Buffer.from([0, 1, 0, 1])]);
  const forwards = { ...udp, forwards: true };
  const reply = answerQuery(bytes, forwards);
  t.equal(reply.kind, 'answer', 'and never leaves this device');
  if (reply.kind === 'answer') {
    t.equal(reply.bytes.readUInt16BE(2) & 15, 5);
    t.strictSame(reply.bytes.subarray(12, 12 + name.length), name, 'the question comes back byte by byte');
  }
});

t.test('with servers named for the rest, only what is outside and wants recursion leaves', async (t) => {
  const rules = { ...udp, forwards: true };
  t.equal(answerQuery(query('example.com', 'A'), rules).kind, 'forward');
  t.equal(answered(query('example.com', 'A', { flags: 0 }), rules).rcode, 'REFUSED');
  for (const name of [zone, `wiki.${zone}`, `secret.${zone}`, `SECRET.${zone.toUpperCase()}`])
    t.equal(answerQuery(query(name, 'A'), rules).kind, 'answer', name);
  t.equal(answerQuery(query('example.com', 'AXFR'), rules).kind, 'answer');
});

t.test(
  'whatever comes: no exception, no more bytes than asked for and a bound, no address but for a name of the list',
  async () => {
    const labels = fc.array(fc.stringMatching(/^[a-z0-9_-]{1,20}$/), { minLength: 1, maxLength: 6 });
    const name = fc.oneof(
      labels.map((parts) => parts.join('.')),
      labels.map((parts) => `${parts.join('.')}.${zone}`),
      fc.constantFrom(`wiki.${zone}`, `a.b.${zone}`, `b.${zone}`, zone),
    );
    const type = fc.constantFrom('A', 'AAAA', 'ANY', 'SOA', 'TXT', 'UNKNOWN_64', 'UNKNOWN_65', 'PTR');
    const asked = fc
      .record({ name, type, edns: fc.boolean(), rd: fc.boolean(), edits: edits({ most: 3 }) })
      .map(({ name, type, edns, rd, edits }) =>
        applyEdits(query(name, type, { flags: rd ? RECURSION_DESIRED : 0, additionals: edns ? [opt()] : [] }), edits),
      );
    const one = fc.oneof(asked, fc.uint8Array({ maxLength: 600 }).map(Buffer.from));
    fc.assert(
      fc.property(one, fc.boolean(), (bytes, forwards) => {
        const asked = Buffer.from(bytes);
        const reply = answerQuery(asked, { ...udp, forwards });
        if (reply.kind !== 'answer') return true;
        const packet = decode(reply.bytes);
        if (reply.bytes.length > Math.min(maxUdpBytes, asked.length + 120)) return false;
        const records = packet.answers!.filter(({ type }) => type === 'A');
        return records.every(({ name }) => [`wiki.${zone}`, `a.b.${zone}`].includes(name.toLowerCase()));
      }),
      { numRuns: 3000 },
    );
  },
);
