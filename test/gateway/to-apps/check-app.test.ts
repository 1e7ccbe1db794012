/** The check of an app from its gateway: each thing that goes wrong on a first day, told so that it can be mended. */
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import type { App } from '#shared/contracts/app.ts';
import { issueLeaf } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair, spkiFingerprint } from '#shared/crypto/keys.ts';
import { appCredentials } from '../../../gateway/keystore/app-credentials.ts';
import { checkApp } from '../../../gateway/to-apps/check-app.ts';
import { httpApp, tcpApp } from '../../support/gateway-apps.ts';
import { makeWorld } from '../../support/gateway-world.ts';

const world = await makeWorld();
const ca = world.root.certificate;
const day = 86_400_000;

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    (server as { closeAllConnections?: () => void }).closeAllConnections?.();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server with a certificate of the test's CA that was issued at `now`, for a day. */
async function secure(handler: RequestListener, { now = Date.now(), options = {} } = {}) {
  const keys = generateKeyPair();
  const leaf = await issueLeaf({
    issuer: world.issuer,
    publicKey: keys.publicKey,
    spiffeId: 'spiffe://postern.test/device/upstream',
    now,
    dnsNames: ['wiki.internal'],
  });
  const key = String(keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const cert = `${leaf.pem}\n${world.issuer.certificate}`;
  const port = await listen(createServer({ key, cert, ...options }, handler));
  return { port, pin: spkiFingerprint(keys.publicKey) };
}

const heard: string[] = [];
const ok: RequestListener = (req, res) => {
  heard.push(`${req.method} ${req.url} ${req.headers.host} ${req.headers['x-forwarded-proto']}`);
  res.end('hello');
};
const plain = await listen(
  createHttpServer((req, res) => {
    const { host } = req.headers;
    if (host === 'broken.corp.example') res.writeHead(503);
    if (host === 'odd.corp.example') res.writeHead(421);
    if (host === 'moved.corp.example') res.writeHead(302, { location: 'https://login.example/start?x=1' });
    if (host === 'near.corp.example') res.writeHead(302, { location: '/home' });
    if (host === 'loop.corp.example') res.writeHead(301, { location: 'https://loop.corp.example/' });
    ok(req, res);
  }),
);
const good = await secure(ok);
const expired = await secure(ok, { now: Date.now() - 30 * day });
const strict = await secure(ok, { options: { ca, requestCert: true } });
const tcp = (act: (socket: Socket) => void) =>
  listen(
    createTcpServer((socket) => {
      // The check hangs up.
      socket.on('error', () => {});
      act(socket);
    }),
  );
const closed = await tcp(() => {});
const ssh = await tcp((socket) => socket.write('SSH-2.0-Test\u0007\r\n'));
const mute = await tcp((socket) => socket.end());

const http = (id: string, port: number, changes: object = {}) =>
  httpApp(port, { id, hosts: [`${id}.corp.example`], ...changes });
const https = (port: number, tls: object | undefined, id = 'wiki') =>
  http(id, port, { upstream: `https://127.0.0.1:${port}`, ...(tls === undefined ? {} : { tls }) });
const named = { serverName: 'wiki.internal' };

/** Last step, its result, and patterns of what is told and advised. */
async function find(t: Test, app: App, step: string, result: string, told: RegExp, advice?: RegExp) {
  const finding = await checkApp(app, appCredentials(t.testdir()));
  t.match(finding.steps.at(-1), { step, result, told, ...(advice === undefined ? {} : { advice }) });
  return finding;
}

t.test('an app that works, plain', async (t) => {
  const { steps, addresses, pin } = await find(t, http('wiki', plain), 'answer', 'ok', /GET \/ answers 200/);
  t.same(
    steps.map((one) => `${one.step} ${one.result}`),
    ['name ok', 'connect ok', 'answer ok'],
  );
  t.same(addresses, ['127.0.0.1']);
  t.equal(pin, undefined);
  t.equal(heard.at(-1), 'GET / wiki.corp.example https', 'asked as the gateway asks');
});

t.test('TLS: how it is trusted, and what is wrong with it', async (t) => {
  const asked = heard.length;
  const pinned = `--tls-pin ${good.pin}`;
  await find(
    t,
    https(good.port, undefined),
    'tls',
    'fail',
    /certificate of .*wiki\.internal/,
    new RegExp(`--tls-ca FILE, or pin its key: ${pinned}`),
  );
  await find(t, https(good.port, { ca }), 'tls', 'fail', /ALTNAME/, /--tls-name wiki\.internal/);
  await find(t, https(good.port, { pin: '0'.repeat(64) }), 'tls', 'fail', new RegExp(good.pin), new RegExp(pinned));
  await find(t, https(expired.port, { ca, ...named }), 'tls', 'fail', /CERT_HAS_EXPIRED/, /renew/);
  await find(t, https(plain, { ca }), 'tls', 'fail', /plain HTTP/, /--upstream http:/);
  await find(t, https(mute, { ca }), 'tls', 'fail', /closed|ECONNRESET|disconnected/);
  t.same(
    heard.slice(asked).filter((line) => !line.startsWith('HEAD')),
    [],
    'nothing was asked of anybody who is not trusted',
  );

  const { steps, pin } = await find(t, https(good.port, { ca, ...named }), 'answer', 'ok', /200/);
  t.equal(pin, good.pin);
  t.match(steps[2], { step: 'tls', result: 'warn', told: /TLSv1\.3, trusted by the CA given/, advice: /ends soon/ });
  t.match((await find(t, https(good.port, { pin: good.pin }), 'answer', 'ok', /200/)).steps[2], {
    told: /trusted by the pin/,
  });
  const insecure = await find(t, https(good.port, { insecure: true }), 'answer', 'ok', /200/);
  t.match(insecure.steps[2], { result: 'warn', told: /any certificate is taken/, advice: new RegExp(pinned) });
  t.match((await find(t, https(expired.port, { pin: expired.pin }), 'answer', 'ok', /200/)).steps[2], {
    advice: /has ended/,
  });
  await find(
    t,
    https(strict.port, { ca, ...named }),
    'answer',
    'fail',
    /CERTIFICATE_REQUIRED/,
    /--tls-client-certificate/,
  );
});

t.test('answers', async (t) => {
  await find(t, http('broken', plain), 'answer', 'fail', /503/, /of the app itself/);
  await find(t, http('odd', plain), 'answer', 'warn', /421/, /--host-header/);
  t.match(await find(t, http('moved', plain), 'answer', 'ok', /302 Found, to https/), {
    redirect: 'https://login.example/start?x=1',
  });
  t.match(await find(t, http('near', plain), 'answer', 'ok', /302 Found, to \/home/), { redirect: undefined });
  await find(t, http('loop', plain), 'answer', 'warn', /301/, /X-Forwarded-Proto/);
  await find(t, http('wiki', good.port), 'answer', 'fail', /speaks TLS/, /--upstream https:/);
});

t.test('no way there', async (t) => {
  await find(t, http('wiki', 1), 'connect', 'fail', /ECONNREFUSED/, /does the app run/);
  const nowhere = http('wiki', 1, { upstream: 'http://no-such-host.invalid' });
  await find(t, nowhere, 'name', 'fail', /no-such-host\.invalid/, /DNS/);
});

t.test('TCP apps', async (t) => {
  await find(t, tcpApp(ssh), 'answer', 'ok', /greets with "SSH-2\.0-Test\."/);
  await find(t, tcpApp(closed), 'answer', 'ok', /nothing first/);
  await find(t, tcpApp(mute), 'answer', 'warn', /closes it at once/);
  await find(t, tcpApp(1), 'connect', 'fail', /ECONNREFUSED/);
});
