/** The agent's DNS server over real sockets, asked by raw messages and by `dig`. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { decode, encode } from 'dns-packet';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import { systemOwnerParts } from '../../../client-agent/from-apps/owner-check.ts';
import { type DnsParts, startDns } from '../../../client-agent/names/start-dns.ts';
import { createWhoAsks } from '../../../client-agent/names/who-asks.ts';
import { askTcp, askUdp, dig, framed, question } from '../../support/dns-client.ts';
import { needs } from '../../support/programs.ts';
import { localRig } from '../from-apps/local-rig.ts';

const zone = 'corp.internal';
const app = (id: string): AppListed => ({
  id,
  name: id,
  kind: 'http',
  hosts: [`${id}.${zone}`],
  usable: true,
  fixes: [],
});

async function server(t: Tap, more: Partial<DnsParts['config']> = {}, over: Partial<DnsParts> = {}) {
  const rig = { apps: [app('wiki')] as readonly AppListed[], now: 1_000_000 };
  const dns = await startDns({
    config: { zones: [zone], address: '127.0.0.1', port: 0, forwardTo: [], ...more },
    apps: () => rig.apps,
    addressOf: () => '127.0.0.1',
    whoAsks: createWhoAsks(systemOwnerParts()),
    clock: { now: () => rig.now },
    log: silentLog,
    ...over,
  });
  t.teardown(() => dns.stop());
  return Object.assign(rig, { dns, port: dns.port });
}
type Tap = Pick<typeof t, 'teardown'>;

t.test('answers change with the list of apps, at once', async (t) => {
  const rig = await server(t);
  t.equal((await askUdp(rig.port, question(`pay.${zone}`))).rcode, 'NXDOMAIN');
  rig.apps = [app('pay')];
  t.equal((await askUdp(rig.port, question(`pay.${zone}`))).answers!.length, 1);
  t.equal((await askUdp(rig.port, question(`wiki.${zone}`))).rcode, 'NXDOMAIN');
  rig.apps = [];
  t.equal((await askUdp(rig.port, question(`pay.${zone}`))).rcode, 'NXDOMAIN', 'signed out');
});

t.test('several queries on one connection are all answered; what is no message ends it', async (t) => {
  const { port } = await server(t);
  const many = Array.from({ length: 40 }, (_, id) => framed(question(`wiki.${zone}`, 'A', id)));
  const answers = await askTcp(port, Buffer.concat(many), 40);
  t.strictSame(
    answers.map(({ id }) => id).sort((a, b) => a! - b!),
    [...Array(40).keys()],
  );
  t.strictSame(await askTcp(port, Buffer.from([0, 0]), 1), [], 'a message of nothing');
  t.strictSame(await askTcp(port, Buffer.from([0xff, 0xff, 1]), 1), [], 'a message of 64 KB');
  t.strictSame(await askTcp(port, Buffer.from('GET / HTTP/1.1\r\n\r\n'), 1), []);
  t.equal((await askUdp(port, question(`wiki.${zone}`))).rcode, 'NOERROR', 'it goes on');
});

t.test('connections beyond the limit take the place of the oldest', async (t) => {
  const { port } = await server(t);
  const { connect } = await import('node:net');
  const first = connect({ port, host: '127.0.0.1' });
  await once(first, 'connect');
  first.on('error', () => {});
  const closed = once(first, 'close');
  const others = Array.from({ length: 64 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => {}));
  t.teardown(() => others.forEach((socket) => void socket.destroy()));
  first.resume();
  await closed;
  t.equal((await askTcp(port, framed(question(`wiki.${zone}`)), 1)).length, 1);
});

t.test('an account has so many queries a second and no more; the next second it has them again', async (t) => {
  const rig = await server(t, {}, { whoAsks: async () => ({ may: true, uid: 1000 }) });
  const many = Array.from({ length: 510 }, (_, id) => framed(question(`wiki.${zone}`, 'A', id)));
  t.equal((await askTcp(rig.port, Buffer.concat(many), 510)).length, 500);
  t.strictSame(await askTcp(rig.port, many[0]!, 1), [], 'nothing more in this second');
  rig.now += 1000;
  t.equal((await askUdp(rig.port, question(`wiki.${zone}`))).rcode, 'NOERROR');
});

t.test('a taken port is an error that says so; only loopback is served', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  await t.rejects(server(t, { port }), { code: 'conflict', message: /taken by node/ });
  const datagrams = createSocket('udp4').bind(0, '127.0.0.1');
  await once(datagrams, 'listening');
  t.teardown(() => datagrams.close());
  await t.rejects(server(t, { port: datagrams.address().port }), { code: 'conflict', message: /UDP/ });
  await t.rejects(server(t, { address: '0.0.0.0' }), { code: 'invalid-config' });
});

t.test(
  'what is outside goes to the server that is named, and only there; forged answers do not come back',
  async (t) => {
    const upstream = createSocket('udp4').bind(0, '127.0.0.1');
    await once(upstream, 'listening');
    t.teardown(() => upstream.close());
    const asked: string[] = [];
    const ids = new Set<number>();
    upstream.on('message', (bytes, from) => {
      const packet = decode(bytes);
      asked.push(packet.questions![0]!.name);
      ids.add(packet.id!);
      const answer = encode({
        ...packet,
        type: 'response',
        answers: [{ type: 'A', name: 'example.com', data: '192.0.2.7' }],
      });
      const forged = Buffer.from(answer);
      forged.writeUInt16BE((packet.id! + 1) & 0xffff, 0);
      const other = encode({ ...packet, type: 'response', questions: [{ name: 'evil.example', type: 'A' }] });
      for (const message of [forged, other, answer]) upstream.send(message, from.port, from.address);
    });
    const { port } = await server(t, { forwardTo: [`127.0.0.1:${upstream.address().port}`] });
    const answer = await askUdp(port, question('example.com', 'A', 77));
    t.match(answer, { id: 77, answers: [{ data: '192.0.2.7' }] });
    await askUdp(port, question('example.com', 'A', 77));
    t.equal(ids.size, 2, 'each under an id of its own');
    await askUdp(port, question(`secret.${zone}`));
    t.strictSame(asked, ['example.com', 'example.com'], 'no name of the zone left');
  },
);

t.test('a server for the rest that does not answer is SERVFAIL', async (t) => {
  const nobody = createServer().listen(0, '127.0.0.1');
  await once(nobody, 'listening');
  const { port: free } = nobody.address() as AddressInfo;
  nobody.close();
  const { port } = await server(t, { forwardTo: [`127.0.0.1:${free}`] });
  t.equal((await askUdp(port, question('example.com'))).rcode, 'SERVFAIL');
  t.equal((await askTcp(port, framed(question('example.com')), 1))[0]!.rcode, 'SERVFAIL');
});

t.test('dig: UDP and TCP, EDNS, other types, what is not there', needs('dig'), async (t) => {
  const { port } = await server(t);
  const rows: [words: string[], want: RegExp[]][] = [
    [
      [`wiki.${zone}`],
      [
        /status: NOERROR/,
        /flags: qr aa rd;/,
        new RegExp(`^wiki\\.${zone}\\.\\s+5\\s+IN\\s+A\\s+127\\.0\\.0\\.1$`, 'm'),
      ],
    ],
    [
      [`wiki.${zone}`, '+tcp'],
      [/status: NOERROR/, /IN\s+A\s+127\.0\.0\.1/, /\(TCP\)/],
    ],
    [
      [`wiki.${zone}`, '+noedns'],
      [/status: NOERROR/, /IN\s+A\s+127\.0\.0\.1/, /ADDITIONAL: 0/],
    ],
    [[`wiki.${zone}`, '+edns=0', '+dnssec'], [/EDNS: version: 0, flags: do; udp: 1232/]],
    [[`wiki.${zone}`, '+edns=1', '+noednsnegotiation'], [/status: BADVERS/]],
    [[`wiki.${zone}`, '+ednsopt=65001:00'], [/status: NOERROR/]],
    [[`wiki.${zone}`, '+subnet=192.0.2.0/24', '+cookie'], [/status: NOERROR/]],
    [
      [`wiki.${zone}`, 'AAAA'],
      [/status: NOERROR/, /ANSWER: 0, AUTHORITY: 1/, /IN\s+SOA/],
    ],
    [
      [`wiki.${zone}`, 'HTTPS'],
      [/status: NOERROR/, /ANSWER: 0, AUTHORITY: 1/],
    ],
    [
      [`wiki.${zone}`, 'SVCB'],
      [/status: NOERROR/, /ANSWER: 0, AUTHORITY: 1/],
    ],
    [[`pay.${zone}`], [/status: NXDOMAIN/, /AUTHORITY: 1/]],
    [[`pay.${zone}`, '+tcp'], [/status: NXDOMAIN/]],
    [['example.com'], [/status: REFUSED/]],
    [['version.bind', 'CH', 'TXT'], [/status: REFUSED/]],
    [[zone, 'AXFR'], [/Transfer failed/]],
    [[`wiki.${zone}`, '+opcode=NOTIFY'], [/status: NOTIMP/]],
  ];
  for (const [words, wanted] of rows) {
    const text = await dig(port, words);
    for (const want of wanted) t.match(text, want, words.join(' '));
    t.notMatch(text, /malformed|mismatch|extra bytes/i, words.join(' '));
  }
});

const mayBeOthers = process.geteuid?.() === 0 && process.platform === 'linux';
t.test(
  'P30: other people of this machine are refused, the accounts of services are not',
  { ...needs('dig'), ...(mayBeOthers ? {} : { skip: 'not root: cannot ask as another user' }) },
  async (t) => {
    const { port } = await server(t);
    for (const transport of ['+notcp', '+tcp']) {
      t.match(
        await dig(port, [`wiki.${zone}`, transport], { uid: 4711 }),
        /status: REFUSED[\s\S]*ANSWER: 0/,
        `a person ${transport}`,
      );
      t.match(await dig(port, [`wiki.${zone}`, transport], { uid: 101 }), /status: NOERROR/, `a service ${transport}`);
    }
  },
);

t.test('the local side starts it where zones are configured', async (t) => {
  const rig = await localRig(t, { dns: { zones: [zone] } });
  const { dns } = rig.side.ports;
  t.match(rig.side.addresses().find(({ name }) => name === 'dns')?.address, `127.0.0.1:${dns}`);
  t.equal((await askUdp(dns!, question(`wiki.${zone}`))).answers!.length, 1);
  rig.core.list = [];
  t.equal((await askUdp(dns!, question(`wiki.${zone}`))).rcode, 'NXDOMAIN');
  const off = await localRig(t);
  t.equal(off.side.ports.dns, undefined);
});
