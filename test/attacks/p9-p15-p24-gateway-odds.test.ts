/** Attacks on a gateway that fit nowhere else: lookalike names, stolen grants in the record, swapped keys, bodies without an end. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import t from 'tap';
import { Check } from 'typebox/value';
import { appLimits } from '#shared/contracts/app.ts';
import { generateKeyPair, publicKeyToJwk } from '#shared/crypto/keys.ts';
import { readJsonBody } from '../../gateway/from-agents/read-json-body.ts';
import { limitsGate } from '../../gateway/gates/limits.ts';
import { makeState, now } from '../support/gate-ask.ts';
import { httpApp, startWebApp } from '../support/gateway-apps.ts';
import { ask, open, whenClosed } from '../support/gateway-client.ts';
import { startDataPath } from '../support/start-data-path.ts';

const app = await startWebApp();
const gw = await startDataPath([httpApp(app.port, { identityHeaders: { 'X-Remote-User': 'person' } })]);
const { world, device, port } = gw;
t.teardown(async () => {
  await gw.stop();
  await app.stop();
});

t.test(
  'P15 no app can be given a time that is longer than a timer takes: such a timer ends at once, and with it every tunnel',
  (t) => {
    const longest = 2 ** 31 - 1;
    for (const name of ['connectMs', 'firstByteMs', 'idleMs']) {
      t.equal(Check(appLimits, { [name]: longest }), true, name);
      t.equal(Check(appLimits, { [name]: longest + 1 }), false, name);
    }
    t.end();
  },
);

t.test('P9 no spelling of a name poses as an identity', async (t) => {
  const names = [
    'X.Remote.User',
    'x~remote-user',
    'X-REMOTE_USER',
    'X-Remote-User',
    'Postern.Identity',
    'postern!identity',
  ];
  const claims = [...names, 'X.Forwarded.For', 'x.real.ip', 'x.http.method.override'];
  await ask(world, device, port, {
    grant: world.grant(device),
    headers: { ...Object.fromEntries(claims.map((name) => [name, '0'])), 'x.app.version': '7' },
  });
  const { headers } = app.seen.at(-1)!;
  t.equal(headers['x-remote-user'], 'anna');
  t.equal(headers['x.app.version'], '7', 'what poses as nothing passes');
  t.notOk(
    Object.entries(headers).some(([, value]) => value === '0'),
    'nothing that was claimed is left',
  );
});

t.test('P24 who tries a stolen grant is recorded, and not who it was stolen from', async (t) => {
  const thief = await world.leaf('device', 'dev_0000thief');
  const answer = await ask(world, thief, port, { grant: world.grant(device) });
  t.equal(answer.code, 'grant-binding');
  t.match(gw.records.refused.at(-1), {
    device: 'dev_0000thief',
    reasons: ['grant-binding'],
    details: { grantOf: device.id },
  });
});

t.test('P20 another key by the same name takes back what lives on the one before', async (t) => {
  const { response, socket } = await open(world, device, port, { path: '/events', grant: world.grant(device) });
  response.on('error', () => {});
  await once(response, 'data');
  const same = { kid: world.kid, jwk: publicKeyToJwk(world.signer.publicKey) };
  t.equal(gw.change({ kind: 'keys', keys: [same] }), 0, 'the same key told again takes nothing back');
  t.equal(gw.change({ kind: 'keys', keys: [{ ...same, jwk: publicKeyToJwk(generateKeyPair().publicKey) }] }), 1);
  await whenClosed(socket);
});

t.test('P15 a renewal whose body never ends is answered', async (t) => {
  const got = Promise.withResolvers<IncomingMessage>();
  const server = createServer((req) => got.resolve(req));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{');
  await t.rejects(readJsonBody(await got.promise, 1000, 20), { code: 'bad-request' });
  client.destroy();
  server.close();
});

t.test('one device cannot take every connection to an app that names no limits', async (t) => {
  const { apps } = makeState();
  const running = (count: number) => ({
    found: { app: apps.get('wiki') },
    usage: () => ({ running: count, left: Number.POSITIVE_INFINITY, retryAfterMs: 0 }),
  });
  t.equal(limitsGate(running(1000) as never, makeState(), now), undefined);
  t.match(limitsGate(running(2048) as never, makeState(), now), { code: 'limit-reached' });
});
