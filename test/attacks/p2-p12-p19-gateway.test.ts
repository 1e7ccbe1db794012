/** Who gets in, what strangers can tell apart, and by whose time. */
import { connect } from 'node:tls';
import t from 'tap';
import { issueLeaf, makeIssuingCa, makeRootCa } from '#shared/crypto/issue-certificate.ts';
import { httpApp, startWebApp } from '../support/gateway-apps.ts';
import { ask, dial } from '../support/gateway-client.ts';
import type { Leaf } from '../support/gateway-world.ts';
import { startDataPath } from '../support/start-data-path.ts';

const app = await startWebApp();
const gw = await startDataPath([
  httpApp(app.port, { limits: { concurrentPerDevice: 2, maxBodyBytes: 10 } }),
  httpApp(app.port, { id: 'slow', hosts: ['slow.corp.example'], limits: { requestsPerSecond: 1 } }),
  httpApp(app.port, { id: 'strict', hosts: ['strict.corp.example'], strict: true }),
]);
const { world, device, port, records } = gw;
t.teardown(async () => {
  await gw.stop();
  await app.stop();
});

t.test('P1 P2 only a device of this organisation, with a certificate in force, is heard', async (t) => {
  const now = Date.now();
  const keys = device.keys;
  const issue = async (spiffeId: string, at = now, issuer = world.issuer) =>
    (await issueLeaf({ issuer, publicKey: keys.publicKey, spiffeId, now: at })).pem;
  const elsewhere = await makeRootCa({ trustDomain: 'postern.test', now });
  const otherIssuer = await makeIssuingCa({ root: elsewhere, trustDomain: 'postern.test', now });
  const leaf = (certificate: string, chain = device.chain): Leaf => ({ ...device, certificate, chain });
  const refused: [string, string, Leaf][] = [
    ['a controller', 'role', leaf(await issue('spiffe://postern.test/controller/x'))],
    ['a gateway', 'role', leaf(await issue('spiffe://postern.test/gateway/x'))],
    ['expired', 'expired', leaf(await issue(`spiffe://postern.test/device/${device.id}`, now - 90_000_000))],
    [
      'of another root with the same names',
      'untrusted',
      leaf(await issue(`spiffe://postern.test/device/${device.id}`, now, otherIssuer), [otherIssuer.certificate]),
    ],
  ];
  for (const [what, reason, who] of refused) {
    const before = records.refused.length;
    await t.rejects(ask(world, who, port, { path: '/.postern/hello' }), what);
    t.match(records.refused[before], { verdict: 'deny', details: { certificate: reason } }, `${what}: recorded`);
  }
  const before = records.refused.length;
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: [world.root.certificate],
    checkServerIdentity: () => undefined,
  });
  socket.on('error', () => {});
  socket.write('GET /.postern/hello HTTP/1.1\r\nHost: x\r\n\r\n');
  let answered = '';
  socket.on('data', (chunk) => (answered += chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  t.equal(answered, '', 'no certificate: not a byte of an answer');
  t.match(records.refused[before], { reasons: ['certificate-missing'] });
});

t.test('P2 there is no resumption', async (t) => {
  const first = await dial(world, device, port);
  let session: Buffer | undefined;
  first.on('session', (one: Buffer) => (session = one));
  first.write('GET /.postern/hello HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => first.once('data', resolve));
  first.destroy();
  if (session === undefined) {
    t.pass('no ticket was given');
    return;
  }
  const again = connect({
    port,
    host: '127.0.0.1',
    session,
    ca: [world.root.certificate],
    key: device.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: [device.certificate, ...device.chain].join('\n'),
    checkServerIdentity: () => undefined,
  });
  again.on('error', () => {});
  await new Promise((resolve) => {
    again.once('secureConnect', resolve);
    again.once('close', resolve);
  });
  t.notOk(again.isSessionReused());
  again.destroy();
});

t.test('P12 an app that is not there and one that is not yours look the same', async (t) => {
  const grant = world.grant(device);
  const alien = await ask(world, device, port, { grant, host: 'strict.corp.example' });
  const missing = await ask(world, device, port, { grant, host: 'nothing.corp.example' });
  const shape = ({ status, body, headers }: typeof alien) => ({
    status,
    body: body.replaceAll(/[0-9a-f]{32}/g, ''),
    names: Object.keys(headers).sort(),
  });
  t.same(shape(alien), shape(missing));
  t.equal(alien.code, 'app-mismatch');
});

t.test('P19 the gateway judges by the controller time and not by its own', async (t) => {
  gw.pass(3_600_000);
  t.equal((await ask(world, device, port, { grant: world.grant(device) })).code, 'grant-expired');
  const iat = Math.floor(Date.now() / 1000) + 3600;
  t.equal((await ask(world, device, port, { grant: world.grant(device, { iat, exp: iat + 60 }) })).status, 200);
  gw.pass(-3_600_000);
  t.equal((await ask(world, device, port, { grant: world.grant(device, { iat, exp: iat + 60 }) })).code, 'grant-early');
});

t.test('P19 a gateway that hears nothing is stale: it says so, and strict apps refuse', async (t) => {
  const state = async () => JSON.parse((await ask(world, device, port, { path: '/.postern/hello' })).body).state;
  const strict = async () =>
    ask(world, device, port, { host: 'strict.corp.example', grant: world.grant(device, { app: 'strict' }) });
  t.equal(await state(), 'fresh');
  t.equal((await strict()).status, 200);
  gw.silence(16_000);
  t.equal(await state(), 'stale');
  t.equal((await strict()).code, 'gateway-stale');
  t.equal(
    (await ask(world, device, port, { grant: world.grant(device) })).status,
    200,
    'others go on until their grants end',
  );
  gw.pass(-16_000);
  t.equal(await state(), 'fresh');
});

t.test('limits of an app: requests at once, rate, bodies', async (t) => {
  const grant = world.grant(device);
  const held = await Promise.all([0, 1].map(() => openStream(grant)));
  const third = await ask(world, device, port, { grant });
  t.match(third, { status: 429, code: 'limit-reached' });
  const other = await world.leaf('device', 'dev_00000002');
  t.equal((await ask(world, other, port, { grant: world.grant(other) })).status, 200, 'another device has its own');
  for (const socket of held) socket.destroy();
  while ((await ask(world, device, port, { grant })).status === 429)
    await new Promise((resolve) => setImmediate(resolve));
  t.pass('an ended stream makes room');

  const slow = { host: 'slow.corp.example', grant: world.grant(device, { app: 'slow' }) };
  const burst = await Promise.all([0, 1, 2].map(() => ask(world, device, port, slow)));
  t.ok(burst.some(({ status }) => status === 200));
  const limited = burst.find(({ status }) => status === 429);
  t.match(limited, { code: 'limit-reached', headers: { 'retry-after': '1' } });

  t.equal((await ask(world, device, port, { method: 'POST', grant, body: 'x'.repeat(11) })).code, 'body-too-large');
  const chunked = { method: 'POST', grant, body: 'x'.repeat(11), headers: { 'transfer-encoding': 'chunked' } };
  t.equal((await ask(world, device, port, chunked)).code, 'body-too-large', 'unannounced as well');
});

async function openStream(grant: string) {
  const socket = await dial(world, device, port);
  socket.write(`GET /events HTTP/1.1\r\nHost: wiki.corp.example\r\nPostern-Grant: ${grant}\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  return socket;
}
