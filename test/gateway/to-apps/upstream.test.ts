/** The way from gateway to app: TLS, its refusals, and apps that are slow or silent. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { issueLeaf } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair, spkiFingerprint } from '#shared/crypto/keys.ts';
import { httpApp } from '../../support/gateway-apps.ts';
import { ask, open, whenClosed } from '../../support/gateway-client.ts';
import { makeWorld } from '../../support/gateway-world.ts';
import { startDataPath } from '../../support/start-data-path.ts';

const upstreamWorld = await makeWorld();
const keys = generateKeyPair();
const leaf = await issueLeaf({
  issuer: upstreamWorld.issuer,
  publicKey: keys.publicKey,
  spiffeId: 'spiffe://postern.test/device/upstream',
  now: Date.now(),
  dnsNames: ['wiki.internal'],
});
const names: (string | false)[] = [];
const serverKeys = {
  key: String(keys.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  cert: [leaf.pem, upstreamWorld.issuer.certificate].join('\n'),
};
const secure = createServer(serverKeys, (req, res) => {
  names.push((req.socket as import('node:tls').TLSSocket).servername ?? false);
  res.end(`host ${req.headers.host}`);
});
/** Answers `/head` with a head and no more, `/half` with half a body, everything else never. */
const slow = createHttpServer((req, res) => {
  if (req.url === '/head') {
    res.writeHead(200, { 'content-length': 10 });
    res.write('half');
  }
  if (req.url === '/broken') {
    res.writeHead(200, { 'content-length': 10 });
    res.write('half', () => res.destroy());
  }
  if (req.url === '/reset') res.destroy();
});
/** Speaks TLS 1.2 and no more. */
const old = createServer({ ...serverKeys, maxVersion: 'TLSv1.2' }, (_, res) => res.end('old'));
/** Wants to see a certificate, and says whose it was. */
const wants = createServer({ ...serverKeys, ca: upstreamWorld.root.certificate, requestCert: true }, (req, res) => {
  res.end((req.socket as import('node:tls').TLSSocket).getPeerX509Certificate()?.subjectAltName);
});
for (const server of [secure, slow, old, wants]) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
const root = upstreamWorld.root.certificate;
const good = { ca: root, serverName: 'wiki.internal' };
const app = (id: string, changes: object) => httpApp(0, { id, hosts: [`${id}.corp.example`], ...changes });
const tls = (id: string, options: object | undefined) =>
  app(id, { upstream: `https://127.0.0.1:${portOf(secure)}`, ...(options === undefined ? {} : { tls: options }) });
const at = (server: typeof secure) => (id: string, options: object) =>
  app(id, { upstream: `https://127.0.0.1:${portOf(server)}`, tls: options });
const [oldest, mutual] = [at(old), at(wants)];
const dir = t.testdir({ 'app-certificates': {} });
const certificate = (name: string, text: string, mode = 0o600) =>
  writeFileSync(join(dir, 'app-certificates', `${name}.pem`), text, { mode });
const gw = await startDataPath(
  [
    tls('good', good),
    tls('pinned', { pin: spkiFingerprint(keys.publicKey), serverName: 'any.name' }),
    tls('other-pin', { ...good, pin: '0'.repeat(64) }),
    tls('no-ca', { serverName: 'wiki.internal' }),
    tls('other-name', { ...good, serverName: 'hr.internal' }),
    app('named', { upstream: `https://127.0.0.1:${portOf(secure)}`, tls: good, hostHeader: 'inner.example' }),
    app('slow', { upstream: `http://127.0.0.1:${portOf(slow)}`, limits: { firstByteMs: 50 } }),
    app('halting', { upstream: `http://127.0.0.1:${portOf(slow)}`, limits: { idleMs: 50 } }),
    app('nowhere', { upstream: 'http://no-such-host.invalid:1' }),
    tls('two-pins', { pin: ['0'.repeat(64), spkiFingerprint(keys.publicKey)] }),
    tls('insecure', { insecure: true }),
    tls('newest', { ...good, minVersion: 'TLSv1.3' }),
    oldest('old-enough', good),
    oldest('too-old', { ...good, minVersion: 'TLSv1.3' }),
    // Its certificate has the app's own name, not the address.
    app('wiki', { hosts: ['wiki.internal'], upstream: `https://127.0.0.1:${portOf(secure)}`, tls: { ca: root } }),
    mutual('shown', { ...good, clientCertificate: 'postern' }),
    mutual('not-shown', good),
    mutual('not-there', { ...good, clientCertificate: 'missing' }),
    mutual('readable', { ...good, clientCertificate: 'readable' }),
  ],
  {},
  dir,
);
const { world, device, port } = gw;
t.teardown(async () => {
  await gw.stop();
  for (const server of [secure, slow, old, wants]) {
    server.closeAllConnections();
    server.close();
  }
});
const get = (id: string, path = '/') =>
  ask(world, device, port, { host: `${id}.corp.example`, path, grant: world.grant(device, { app: id }) });

t.test('TLS to the app: chain and name, or the pin of its key', async (t) => {
  t.match(await get('good'), { status: 200, body: 'host good.corp.example' });
  t.match(await get('pinned'), { status: 200 });
  t.match(await get('named'), { status: 200, body: 'host inner.example' });
  t.same(names, ['wiki.internal', 'any.name', 'wiki.internal'], 'the server name told is the one of the app');
  for (const id of ['other-pin', 'no-ca', 'other-name'])
    t.match(await get(id), { status: 502, code: 'app-unreachable' }, id);
  t.equal(names.length, 3, 'nothing was sent to the wrong one');
});

t.test('TLS to the app: several pins, versions, the name of an app behind an address, none at all', async (t) => {
  t.match(await get('two-pins'), { status: 200 });
  t.match(await get('insecure'), { status: 200 });
  t.match(await get('newest'), { status: 200 });
  t.match(await get('old-enough'), { status: 200, body: 'old' });
  t.match(await get('too-old'), { status: 502, code: 'app-unreachable' });
  const grant = world.grant(device, { app: 'wiki' });
  t.match(await ask(world, device, port, { host: 'wiki.internal', path: '/', grant }), { status: 200 });
});

t.test('the certificate that an app wants to see comes from a file, read at each connection', async (t) => {
  const whole = `${leaf.pem}\n${upstreamWorld.issuer.certificate}\n${serverKeys.key}`;
  t.match(await get('shown'), { status: 502, code: 'app-unreachable' }, 'not there yet');
  certificate('postern', leaf.pem);
  t.match(await get('shown'), { status: 502, code: 'app-unreachable' }, 'without its key');
  certificate('postern', whole);
  t.match(await get('shown'), { status: 200, body: /DNS:wiki\.internal/ });
  t.match(await get('not-shown'), { status: 502, code: 'app-unreachable' }, 'such an app refuses who shows none');
  t.match(await get('not-there'), { status: 502, code: 'app-unreachable' });
  certificate('readable', whole, 0o644);
  t.match(await get('readable'), { status: 502, code: 'app-unreachable' }, 'a key that others may read is none');
});

t.test('an app that is slow, silent or broken has codes of its own', async (t) => {
  t.match(await get('slow', '/never'), { status: 504, code: 'app-timeout' });
  t.match(await get('halting', '/reset'), { status: 502, code: 'app-unreachable' });
  t.match(await get('nowhere'), { status: 502, code: 'app-unreachable' });
  for (const path of ['/head', '/broken']) {
    const asked = { host: 'halting.corp.example', path, grant: world.grant(device, { app: 'halting' }) };
    const { response, socket } = await open(world, device, port, asked);
    response.on('error', () => {});
    response.resume();
    await whenClosed(socket);
    t.notOk(response.complete, `${path}: half an answer does not look whole`);
  }
  while (gw.records.closed.at(-1)?.request?.path !== '/broken') await new Promise((resolve) => setImmediate(resolve));
  t.match(gw.records.closed.at(-1), { status: 200, details: { ended: 'app-abort' } });
});

t.test('a changed upstream is used from the next request on', async (t) => {
  const before = await get('nowhere');
  t.equal(before.status, 502);
  gw.change({ kind: 'app', app: tls('nowhere', good) });
  t.equal((await get('nowhere')).status, 200);
});
