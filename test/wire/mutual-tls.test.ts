/** Real TLS on loopback: who is admitted, who is not, and why (P1, P2). */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { minute, systemClock } from '#shared/base/clock.ts';
import { strict, text } from '#shared/contracts/common.ts';
import { defineContract } from '#shared/contracts/route.ts';
import { type Guard, guardServer, type PeerRefusal, peerOf } from '#shared/wire/admit-peer.ts';
import { callContract } from '#shared/wire/call-contract.ts';
import { makeDispatcher } from '#shared/wire/make-dispatcher.ts';
import { type ClientTls, clientTlsOptions, serverTlsOptions, swapTls } from '#shared/wire/mutual-tls.ts';
import { fetchPinnedRoot } from '#shared/wire/pinned-root.ts';
import { makeTestCa, type TestCa, type TestLeaf } from '../support/test-ca.ts';

const contract = defineContract({
  who: { method: 'GET', path: '/who', summary: 'Who', access: 'certificate', answer: strict({ who: text(300) }) },
});

interface Served {
  readonly server: Server;
  readonly port: number;
  readonly origin: string;
  readonly guard: Guard;
  /** Refusals so far; the next one with `refused()`. */
  refused(): Promise<PeerRefusal>;
  readonly requests: () => number;
}

async function serve(
  t: Test,
  ca: TestCa,
  own: TestLeaf,
  denied: (id: string) => boolean = () => false,
): Promise<Served> {
  let requests = 0;
  const server = createServer(serverTlsOptions({ ...own, mutual: true }), (request, response) => {
    requests += 1;
    const who = peerOf(request.socket)?.spiffeId ?? 'nobody';
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ who }));
  });
  // Only what is tested here may end a connection.
  server.keepAliveTimeout = 0;
  const waiting: ((reason: PeerRefusal) => void)[] = [];
  const seen: PeerRefusal[] = [];
  const onRefused = (reason: PeerRefusal) => {
    const next = waiting.shift();
    if (next === undefined) seen.push(reason);
    else next(reason);
  };
  const rules = { trustDomain: ca.trustDomain, roles: ['device', 'gateway'] as const, clock: systemClock, denied };
  const guard = guardServer(server, { ...rules, onRefused });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const refused = () => {
    const reason = seen.shift();
    return reason === undefined
      ? new Promise<PeerRefusal>((resolve) => waiting.push(resolve))
      : Promise.resolve(reason);
  };
  return { server, port, origin: `https://127.0.0.1:${port}`, guard, refused, requests: () => requests };
}

function dial(ca: TestCa, own: Partial<TestLeaf>, changes: Partial<ClientTls> = {}): ConnectionOptions {
  const base = { bundle: ca.bundle, trustDomain: ca.trustDomain, role: 'controller' as const, clock: systemClock };
  return clientTlsOptions({ ...base, ...own, ...changes });
}

function client(t: Test, served: Served, tls: ConnectionOptions) {
  const dispatcher = makeDispatcher(() => tls);
  t.teardown(() => dispatcher.destroy());
  return callContract(contract, { dispatcher, origin: served.origin });
}

/** Connects and sends a request at once: nothing of it may be read by the server. */
async function knock(served: Served, options: ConnectionOptions): Promise<void> {
  const socket = connect({
    host: '127.0.0.1',
    port: served.port,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: false,
    ...options,
  });
  socket.on('error', () => {});
  socket.on('secureConnect', () => socket.write('GET /who HTTP/1.1\r\nHost: x\r\n\r\n'));
  await once(socket, 'close');
}

t.test('P1 P2 mutual TLS admits the right peers and tells why it refuses others', async (t) => {
  const ca = await makeTestCa();
  const own = await ca.leaf('controller', 'c1');
  const device = await ca.leaf('device', 'd1');
  const raw = (leaf: TestLeaf): ConnectionOptions => dial(ca, leaf);

  await t.test('P1 a device is admitted and known by its name', async (t) => {
    const served = await serve(t, ca, own);
    const who = await client(t, served, raw(device)).who();
    t.same(who, { who: 'spiffe://test.example/device/d1' });
  });

  const foreignCa = await makeTestCa();
  const otherDomain = await makeTestCa('other.example');
  const refusals: [string, ConnectionOptions, PeerRefusal][] = [
    ['no certificate', {}, 'no-certificate'],
    ['a foreign CA', raw(await foreignCa.leaf('device', 'd1')), 'untrusted'],
    ['another trust domain', raw(await otherDomain.leaf('device', 'd1')), 'untrusted'],
    [
      'an expired certificate',
      raw(await ca.leaf('device', 'd1', { now: Date.now() - 30 * minute, lifeMs: minute })),
      'expired',
    ],
    ['the wrong role', raw(await ca.leaf('controller', 'c2')), 'role'],
    [
      'two URI names',
      raw(await ca.oddLeaf(['spiffe://test.example/device/d1', 'spiffe://test.example/gateway/g1'])),
      'uri-count',
    ],
    ['a denied id', raw(await ca.leaf('device', 'denied')), 'denied'],
  ];
  for (const [name, options, reason] of refusals) {
    await t.test(`P2 refuses ${name}, and reads no early request`, async (t) => {
      const served = await serve(t, ca, own, (id) => id === 'device/denied');
      const [seen] = await Promise.all([served.refused(), knock(served, { ...options, ca: [...ca.bundle] })]);
      t.equal(seen, reason);
      t.equal(served.requests(), 0);
    });
  }

  await t.test('P2 a session is never resumed', async (t) => {
    const served = await serve(t, ca, own);
    const first = connect({ host: '127.0.0.1', port: served.port, ...raw(device) });
    first.write('GET /who HTTP/1.1\r\nHost: x\r\n\r\n');
    const sessions: Buffer[] = [];
    first.on('session', (session: Buffer) => sessions.push(session));
    await once(first, 'data');
    first.destroy();
    t.ok(sessions.length > 0, 'there is a ticket to try');
    for (const session of sessions) {
      const again = connect({ host: '127.0.0.1', port: served.port, ...raw(device), session });
      await once(again, 'secureConnect');
      t.equal(again.isSessionReused(), false);
      again.destroy();
    }
  });
});

t.test('P1 a dialer accepts one role, one domain and where named one id', async (t) => {
  const ca = await makeTestCa();
  const device = await ca.leaf('device', 'd1');
  const gateway = await serve(t, ca, await ca.leaf('gateway', 'g1'));
  const cases: [string, Partial<ClientTls>, string | undefined][] = [
    ['the right gateway', { role: 'gateway', id: 'g1' }, undefined],
    ['any gateway', { role: 'gateway' }, undefined],
    ['another gateway', { role: 'gateway', id: 'g2' }, 'peer-refused'],
    ['a gateway that plays the controller', {}, 'peer-refused'],
    ['a denied gateway', { role: 'gateway', denied: (id) => id === 'gateway/g1' }, 'peer-refused'],
    ['another trust domain', { role: 'gateway', trustDomain: 'other.example' }, 'peer-refused'],
    ['a foreign root', { role: 'gateway', bundle: (await makeTestCa()).bundle }, 'peer-refused'],
  ];
  for (const [name, changes, code] of cases) {
    const calls = client(t, gateway, dial(ca, device, changes));
    if (code === undefined) t.match(await calls.who(), { who: /device\/d1/ }, name);
    else await t.rejects(calls.who(), { code }, name);
  }
  const spare = await serve(
    t,
    ca,
    await ca.oddLeaf(['spiffe://test.example/controller/c1', 'spiffe://test.example/x/y']),
  );
  await t.rejects(client(t, spare, dial(ca, device)).who(), { code: 'peer-refused', message: /uri-count/ });
});

t.test('P2 a connection ends with its certificate', async (t) => {
  const ca = await makeTestCa();
  const served = await serve(t, ca, await ca.leaf('controller', 'c1'));
  const brief = await ca.leaf('device', 'd1', { lifeMs: 1500 });
  const socket = connect({ host: '127.0.0.1', port: served.port, ...dial(ca, brief) });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.write('GET /who HTTP/1.1\r\nHost: x\r\n\r\n');
  const [answer] = await once(socket, 'data');
  t.match(String(answer), /200 OK/);
  await once(socket, 'close');
  t.ok(Date.now() >= Date.parse(certificateEnd(brief)));
});

t.test('a guard cuts the connections of a peer', async (t) => {
  const ca = await makeTestCa();
  const served = await serve(t, ca, await ca.leaf('controller', 'c1'));
  const sockets: TLSSocket[] = [];
  for (const id of ['d1', 'd2']) {
    const socket = connect({ host: '127.0.0.1', port: served.port, ...dial(ca, await ca.leaf('device', id)) });
    socket.on('error', () => {});
    socket.write('GET /who HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    sockets.push(socket);
  }
  const closed = once(sockets[0]!, 'close');
  t.equal(
    served.guard.cut((peer) => peer.id === 'd1'),
    1,
  );
  await closed;
  t.equal(sockets[1]!.destroyed, false);
  sockets[1]!.destroy();
});

t.test('a renewed certificate is served without a restart', async (t) => {
  const ca = await makeTestCa();
  const served = await serve(t, ca, await ca.leaf('controller', 'c1'));
  const device = await ca.leaf('device', 'd1');
  const serial = async () => {
    const socket = connect({ host: '127.0.0.1', port: served.port, ...dial(ca, device) });
    await once(socket, 'secureConnect');
    const certificate = socket.getPeerX509Certificate()!;
    socket.destroy();
    return certificate.serialNumber;
  };
  const before = await serial();
  swapTls(served.server, serverTlsOptions({ ...(await ca.leaf('controller', 'c1')), mutual: true }));
  t.not(await serial(), before);
});

t.test('first contact finds the pinned root and nothing else', async (t) => {
  const ca = await makeTestCa();
  const served = await serve(t, ca, await ca.leaf('controller', 'c1'));
  const place = { host: '127.0.0.1', port: served.port };
  t.equal((await fetchPinnedRoot({ ...place, pin: ca.pin.toUpperCase() })).trim(), ca.root.trim());
  await t.rejects(fetchPinnedRoot({ ...place, pin: 'ab'.repeat(32) }), { code: 'peer-refused' });
  await t.rejects(fetchPinnedRoot({ host: '127.0.0.1', port: 1, pin: ca.pin }), { code: 'unreachable' });
});

function certificateEnd({ certificate }: TestLeaf): string {
  return new X509Certificate(certificate).validTo;
}
