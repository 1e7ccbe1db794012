/** Each look against something real on loopback. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import t, { type Test } from 'tap';
import { dates, loadX509, newSerial, pemOf, signing, spkiOf, validity } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair, privateKeyToPem } from '#shared/crypto/keys.ts';
import { serverTlsOptions } from '#shared/wire/mutual-tls.ts';
import { greet } from '../../../client-agent/diagnosis/greet.ts';
import { systemProbes } from '../../../client-agent/diagnosis/probes.ts';
import { toldPortal } from '../../../client-agent/diagnosis/system-tells.ts';
import { makeTestCa } from '../../support/test-ca.ts';

const ca = await makeTestCa();
const soon = () => AbortSignal.timeout(1000);

async function serve(t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A TLS server by a leaf of `issuer`. */
async function tlsPort(t: Test, issuer = ca, order: { now?: number; lifeMs?: number } = {}): Promise<number> {
  const options = serverTlsOptions({ ...(await issuer.leaf('controller', 'c1', order)), mutual: true });
  return serve(t, createTls(options));
}

t.test('who answers: our controller, somebody else, one out of its time', async (t) => {
  const wifi = await makeTestCa('portal.wifi');
  const hour = 3_600_000;
  const [own, foreign, past] = await Promise.all([
    tlsPort(t),
    tlsPort(t, wifi),
    tlsPort(t, ca, { now: Date.now() - 20 * hour, lifeMs: 19 * hour }),
  ]);
  for (const trust of [{ bundle: ca.bundle }, { pin: ca.pin }]) {
    t.match(await greet('127.0.0.1', own, trust, soon()), { met: 'certificate', certificate: { isOurs: true } });
    const other = await greet('127.0.0.1', foreign, trust, soon());
    t.match(other, { met: 'certificate', certificate: { isOurs: false, subject: '"controller c1"' } });
    t.notMatch(JSON.stringify(other), /CERT_HAS_EXPIRED/);
    t.match(await greet('127.0.0.1', past, trust, soon()), {
      certificate: { isOurs: false, refused: 'CERT_HAS_EXPIRED', notAfter: Number },
    });
  }
});

t.test('a name of a stranger cannot write to the terminal that it is shown in', async (t) => {
  const x509 = await loadX509();
  const keys = generateKeyPair();
  const name = [{ CN: ['wifi\u009b2J\u0007\u202egnp\u2066.exe'] }];
  const certificate = await x509.X509CertificateGenerator.create({
    ...signing(keys.privateKey),
    ...dates(validity(Date.now(), 3_600_000)),
    serialNumber: newSerial(),
    publicKey: spkiOf(keys.publicKey),
    subject: name,
    issuer: name,
  });
  const port = await serve(t, createTls({ key: privateKeyToPem(keys.privateKey), cert: pemOf(certificate) }));
  const seen = await greet('127.0.0.1', port, { bundle: ca.bundle }, soon());
  const shown = '"wifi\ufffd2J\ufffd\ufffdgnp\ufffd.exe"';
  t.match(seen, { met: 'certificate', certificate: { isOurs: false, subject: shown, issuer: shown } });
});

t.test('who is no TLS server: closed at once, silent, another protocol, nobody', async (t) => {
  const trust = { bundle: ca.bundle };
  const closes = await serve(
    t,
    createServer((socket) => socket.once('data', () => socket.destroy())),
  );
  const silent = await serve(t, createServer());
  const http = await serve(t, createHttp());
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  await new Promise((resolve) => gone.close(resolve));
  t.match(await greet('127.0.0.1', closes, trust, soon()), { met: 'closed' });
  t.match(await greet('127.0.0.1', silent, trust, AbortSignal.timeout(200)), { met: 'silence' });
  t.match(await greet('127.0.0.1', http, trust, soon()), { met: 'other-protocol' });
  t.match(await greet('127.0.0.1', port, trust, soon()), { met: 'refused' });
  t.match(await greet('127.0.0.1', silent, trust, AbortSignal.abort()), { met: 'nothing' });
});

t.test('a way is looked for without a packet; an address that cannot be a way is told', async (t) => {
  t.match(await systemProbes.route('127.0.0.1', 9), { from: '127.0.0.1' });
  t.match(await systemProbes.route('255.255.255.255', 9), { failed: /^E/ }, 'not to everybody');
});

t.test('a name of this system, and one that there is not', async (t) => {
  t.match((await systemProbes.resolve('localhost', soon())).addresses[0], /^(127\.0\.0\.1|::1)$/);
  t.match(await systemProbes.resolve('192.0.2.9', soon()), { addresses: ['192.0.2.9'], resolvers: [] });
  const late = await systemProbes.resolve('nothing.invalid', AbortSignal.timeout(500));
  t.match(late, { addresses: [], failed: /ENOTFOUND|EAI_AGAIN|no answer in time/ });
});

t.test('RFC 8910: what systemd-networkd wrote down', async (t) => {
  const dir = t.testdir();
  mkdirSync(join(dir, 'links'));
  writeFileSync(
    join(dir, 'links', '2'),
    'ADMIN_STATE=configured\nCAPTIVE_PORTAL=https://portal.wifi/api\nDNS=10.0.0.1\n',
  );
  t.equal(await toldPortal(soon(), join(dir, 'links')), 'https://portal.wifi/api');
  writeFileSync(join(dir, 'links', '2'), 'CAPTIVE_PORTAL=javascript:alert(1)\n');
  t.equal(await toldPortal(soon(), join(dir, 'links')), undefined);
  t.equal(await toldPortal(soon(), join(dir, 'none')), undefined);
});
