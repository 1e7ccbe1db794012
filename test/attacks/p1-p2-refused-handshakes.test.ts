/** The table of refused certificates at every door that listens: not a byte of an answer, a record or a line of the log that says why. */
import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { readIssuer } from '../../controller/authority/certificate-authorities.ts';
import { startEdge } from '../controller/support/edge-one.ts';
import { type BadLeaf, badLeaves, briefMs, forgedLeaf, type ProvenLeaf } from '../support/bad-leaves.ts';
import { httpApp, startWebApp } from '../support/gateway-apps.ts';
import { keepLog } from '../support/kept-log.ts';
import { startDataPath } from '../support/start-data-path.ts';

const tls = (port: number, leaf: ProvenLeaf | undefined, more: ConnectionOptions = {}): ConnectionOptions => ({
  host: '127.0.0.1',
  port,
  minVersion: 'TLSv1.3',
  rejectUnauthorized: false,
  ...(leaf === undefined
    ? {}
    : {
        key: leaf.key.export({ type: 'pkcs8', format: 'pem' }),
        cert: [leaf.certificate, ...leaf.chain].join('\n'),
      }),
  ...more,
});

/** Sends `head` with the end of the handshake, before the server can have said anything; what it answers until it hangs up. */
async function knock(options: ConnectionOptions, head: string): Promise<string> {
  const socket = connect(options);
  let answer = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.write(head);
  await once(socket, 'close');
  return answer;
}

t.test('P1 P2 a gateway refuses every bad certificate, each by its own name, and no app hears of it', async (t) => {
  const app = await startWebApp();
  const gw = await startDataPath([httpApp(app.port)], { denied: ['device/denied'] });
  t.teardown(async () => {
    await gw.stop();
    await app.stop();
  });
  const { world, device, port, records, path } = gw;
  const place = { issuer: world.issuer, trustDomain: 'postern.test', role: 'device', id: device.id } as const;
  const table: BadLeaf[] = [
    ...(await badLeaves(place)),
    { what: 'a denied device', reason: 'denied', leaf: await forgedLeaf({ ...place, id: 'denied' }) },
  ];
  const head = `GET /page HTTP/1.1\r\nHost: wiki.corp.example\r\nPostern-Grant: ${world.grant(device)}\r\n\r\n`;
  for (const { what, reason, detail, leaf } of table) {
    const before = records.refused.length;
    const counted = path.counts()[`handshakes_refused|${reason}`] ?? 0;
    t.equal(await knock(tls(port, leaf), head), '', `${what}: not a byte`);
    const codes: Readonly<Record<string, string>> = { 'no-certificate': 'certificate-missing', role: 'role-refused' };
    t.match(
      records.refused.slice(before),
      [
        {
          verdict: 'deny',
          reasons: [codes[reason] ?? 'certificate-refused'],
          details: { certificate: reason, ...(detail && { chain: detail }) },
        },
      ],
      `${what}: recorded`,
    );
    t.equal(records.refused.length, before + 1, `${what}: once`);
    t.equal(path.counts()[`handshakes_refused|${reason}`], counted + 1, `${what}: counted`);
  }
  t.same(app.seen, []);
  t.same(records.opened, []);
  const good = await knock(
    tls(port, await forgedLeaf(place)),
    `${head.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`,
  );
  t.match(good, /"code":"grant-binding"/, 'the forger makes good certificates too: the grant is of another key');
});

/**
 * Connects, and waits until the server has given a ticket and then, at the end of the certificate, hung up. `onTicket`: for a clock that
 * has to be moved on by hand.
 */
async function outlive(options: ConnectionOptions, head: string, onTicket: () => void = () => {}): Promise<Buffer[]> {
  const socket = connect(options);
  const tickets: Buffer[] = [];
  socket.on('error', () => {});
  socket.on('session', (ticket: Buffer) => tickets.push(ticket));
  socket.once('session', onTicket);
  socket.write(head);
  socket.resume();
  await once(socket, 'close');
  return tickets;
}

t.test('P2 an expired device that resumes with a ticket of while it was valid is refused', async (t) => {
  const gw = await startDataPath([httpApp(1)]);
  t.teardown(() => gw.stop());
  const { world, port, records } = gw;
  const place = { issuer: world.issuer, trustDomain: 'postern.test', role: 'device', id: 'dev_00000001' } as const;
  const brief = await forgedLeaf(place, { notAfter: Date.now() + briefMs });
  const hello = 'GET /.postern/hello HTTP/1.1\r\nHost: x\r\n\r\n';
  const tickets = await outlive(tls(port, brief), hello);
  t.ok(tickets.length > 0, 'there is a ticket to try');
  for (const session of tickets) {
    const before = records.refused.length;
    let reused: boolean | undefined;
    const socket: TLSSocket = connect(tls(port, brief, { session }));
    let answer = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.once('secureConnect', () => {
      reused = socket.isSessionReused();
    });
    socket.write(hello);
    await once(socket, 'close');
    t.not(reused, true, 'it is not resumed');
    t.equal(answer, '');
    t.match(records.refused.slice(before), [{ details: { certificate: 'expired' } }]);
  }
});

async function openPlaces(t: Test) {
  const { log, lines } = keepLog();
  const edge = await startEdge(t, log);
  const issuer = await readIssuer(edge.store.db, edge.sealer, 'issuing');
  return {
    edge,
    lines,
    place: { issuer: issuer!, trustDomain: 'test.example', role: 'device', id: 'dev_00000001' } as const,
  };
}

t.test('P1 P2 the mutual server of the controller refuses the same table', async (t) => {
  const { edge, lines, place } = await openPlaces(t);
  const port = Number(new URL(edge.origin.mutual).port);
  const head = 'POST /v1/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
  for (const { what, reason, detail, leaf } of await badLeaves(place)) {
    // Both roles are admitted here: which of them a route is for is judged by the route.
    if (what.startsWith('a gateway')) continue;
    lines.length = 0;
    t.equal(await knock(tls(port, leaf), head), '', `${what}: not a byte`);
    t.match(lines, [{ reason, ...(detail && { detail }) }], `${what}: in the log`);
    t.equal(lines.length, 1, `${what}: once`);
  }
  const gateway = await forgedLeaf({ ...place, role: 'gateway' });
  const asDevice = await knock(tls(port, gateway), head);
  t.match(asDevice, /^HTTP\/1\.1 403 [\s\S]*"code":"role-refused","next":"stop"/, 'a gateway where a device is wanted');
  const device = await forgedLeaf(place);
  const asGateway = await knock(tls(port, device), head.replace('/v1/sign-in', '/v1/gateway/applied'));
  t.match(
    asGateway,
    /^HTTP\/1\.1 403 [\s\S]*"code":"role-refused","next":"stop"/,
    'a device where a gateway is wanted',
  );
  const unknown = await knock(tls(port, device), head);
  t.match(unknown, /"code":"device-suspended"/, 'a good certificate of a device that was never enrolled');
});

t.test('P2 the mutual server of the controller resumes nothing', async (t) => {
  const { edge, lines, place } = await openPlaces(t);
  const port = Number(new URL(edge.origin.mutual).port);
  const head = 'GET /v1/device HTTP/1.1\r\nHost: x\r\n\r\n';
  const brief = await forgedLeaf(place, { notAfter: Date.now() + briefMs });
  const tickets = await outlive(tls(port, brief), head, () => edge.clock.advance(briefMs));
  t.ok(tickets.length > 0, 'there is a ticket to try');
  for (const session of tickets) {
    lines.length = 0;
    t.equal(await knock(tls(port, brief, { session }), head), '');
    t.match(lines, [{ reason: 'expired' }]);
  }
});

t.test('P3 at the bootstrap server a certificate, good or bad, makes nobody more than a stranger', async (t) => {
  const { edge, place } = await openPlaces(t);
  const port = Number(new URL(edge.origin.bootstrap).port);
  const meta = 'GET /v1/meta HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  const grants = 'POST /v1/grants HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
  const plain = (answer: string) => answer.replaceAll(/"(time|trace)":[^,}]+|(date|postern-trace): [^\r]+/gi, '');
  const [asStranger, toGrants] = [await knock(tls(port, undefined), meta), await knock(tls(port, undefined), grants)];
  t.match(asStranger, /^HTTP\/1\.1 200 /);
  t.match(toGrants, /^HTTP\/1\.1 404 /);
  const table = [...(await badLeaves(place)), { what: 'a good one', leaf: await forgedLeaf(place) }];
  for (const { what, leaf } of table) {
    t.equal(plain(await knock(tls(port, leaf), meta)), plain(asStranger), what);
    t.equal(plain(await knock(tls(port, leaf), grants)), plain(toGrants), what);
  }
});
