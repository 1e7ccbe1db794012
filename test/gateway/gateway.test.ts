/** A whole gateway, joined by invitation to a controller that is only its protocol. */

import cluster from 'node:cluster';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '#shared/base/clock.ts';
import { loadConfig } from '#shared/base/config.ts';
import { silentLog } from '#shared/base/log.ts';
import { issueLeaf } from '#shared/crypto/issue-certificate.ts';
import { decodeInvitation, encodeInvitation } from '#shared/wire/invitation.ts';
import { gatewayConfig } from '../../gateway/config.ts';
import { openKeys } from '../../gateway/keystore/key-files.ts';
import { joinController } from '../../gateway/to-controller/join.ts';
import { startGateway } from '../../gateway/wiring.ts';
import { startFakeController } from '../support/fake-controller.ts';
import { httpApp, startTcpEcho, startWebApp, tcpApp } from '../support/gateway-apps.ts';
import { ask, dial, open, raw, readUntil, whenClosed } from '../support/gateway-client.ts';
import { makeWorld } from '../support/gateway-world.ts';

const app = await startWebApp();
const echo = await startTcpEcho();
t.teardown(async () => {
  await app.stop();
  await echo.stop();
});

const begin = async (t: Test, workers: number, workerConfirmMs = 20_000) => {
  const world = await makeWorld();
  const device = await world.leaf('device', 'dev_00000001');
  const controller = await startFakeController(world, [httpApp(app.port), tcpApp(echo.port)]);
  t.teardown(() => controller.stop());
  const dir = t.testdir({});
  await joinController({ dir, invitation: controller.invitation, clock: systemClock });
  const config = loadConfig(gatewayConfig, {
    overrides: {
      dir,
      'listen.host': '127.0.0.1',
      'listen.port': 0,
      workers,
      // Long unless told: a loaded test machine is no reason to kill a worker.
      workerConfirmMs,
      'keySets.port': 0,
      'metrics.port': 0,
      'log.level': 'silent',
    },
  });
  const start = () => startGateway(config, { log: silentLog });
  const gateway = await start();
  return { world, device, controller, dir, config, gateway, start, port: gateway.address.port };
};
for (const workers of [0, 2]) {
  t.test(`a gateway with ${workers} workers`, async (t) => {
    const { world, device, controller, dir, gateway, port } = await begin(t, workers);

    t.equal(statSync(join(dir, 'tls-key.pem')).mode & 0o777, 0o600);
    t.notMatch(readFileSync(join(dir, 'membership.json'), 'utf8'), /PRIVATE KEY/);
    await controller.until(({ identityKeys, applied }) => identityKeys.length > 0 && applied.length > 0);
    t.match(controller.told.applied[0], { generation: 'gen_00000001', through: 10, closed: [] });

    controller.send({ t: 'check', id: 'chk_00000001', app: 'wiki' });
    controller.send({ t: 'check', id: 'chk_00000002', app: 'nothing' });
    await controller.until(({ checked }) => checked.length === 2);
    const found = Object.fromEntries(controller.told.checked.map(({ id, finding }) => [id, finding.steps.at(-1)]));
    t.match(found['chk_00000001'], { step: 'answer', result: 'ok' }, 'an app is tried at the word of the controller');
    t.match(found['chk_00000002'], { step: 'app', result: 'fail', told: /does not know/ });

    const answer = await ask(world, device, port, { path: '/x', grant: world.grant(device) });
    t.equal(answer.status, 200);
    t.equal((await ask(world, device, port, { path: '/x' })).code, 'grant-missing');

    // Enough connections that every worker has some.
    const streams = [];
    for (let i = 0; i < 4; i += 1) {
      const { response, socket } = await open(world, device, port, { path: '/events', grant: world.grant(device) });
      response.on('error', () => {});
      await once(response, 'data');
      streams.push(socket);
      const tunnel = await dial(world, device, port);
      const grant = world.grant(device, { app: 'db', act: 'connect' });
      await raw(
        tunnel,
        `CONNECT db.corp.example:5432 HTTP/1.1\r\nHost: db.corp.example:5432\r\nPostern-Grant: ${grant}\r\n\r\n`,
      );
      tunnel.write('ping');
      await readUntil(tunnel, 'ping');
      streams.push(tunnel);
    }
    const renewal = await ask(world, device, port, {
      method: 'POST',
      path: '/.postern/grants',
      body: JSON.stringify({ grants: [world.grant(device), world.grant(device, { app: 'db', act: 'connect' }), 'x'] }),
    });
    t.same(JSON.parse(renewal.body), { renewed: 8, refused: [{ index: 2, code: 'grant-malformed' }] });

    const metrics = await fetch(`http://127.0.0.1:${gateway.metrics!.port}/metrics`).then((res) => res.text());
    t.match(metrics, /postern_gateway_live 8\n/);
    t.match(metrics, /postern_gateway_requests_total\{code="grant-missing"\} 1\n/);
    t.match(metrics, /postern_gateway_stale 0\n/);
    t.notMatch(metrics, /anna|dev_|corp/);

    const ended = streams.map(whenClosed);
    const n = controller.revoke('person', 'anna');
    await Promise.all(ended);
    await controller.until(({ applied }) => applied.at(-1)?.through === n);
    t.same(
      controller.told.applied.flatMap(({ closed }) => closed),
      [{ n, streams: 8 }],
      'how many were cut is told',
    );
    t.equal((await ask(world, device, port, { grant: world.grant(device) })).code, 'grant-revoked');

    await gateway.stop();
    const records = controller.told.records.map(({ record }) => record);
    const openings = records.filter(({ phase }) => phase === 'opening');
    const closings = records.filter(({ phase }) => phase === 'closing');
    t.equal(openings.length, 9);
    t.same(new Set(closings.map(({ opening }) => opening)), new Set(openings.map(({ id }) => id)));
    t.equal(closings.filter(({ reasons }) => reasons.includes('stream-cut')).length, 8);
    t.equal(records.filter(({ verdict }) => verdict === 'deny').length, 2);
  });
}

t.test('a stream that does not fit brings a fresh snapshot, and the old state stays meanwhile (P13)', async (t) => {
  const { world, device, controller, gateway, port } = await begin(t, 0);
  t.teardown(() => gateway.stop());
  const bad: [string, object][] = [
    ['a gap', { t: 'change', after: 17, n: 18, time: Date.now(), changes: [] }],
    ['a step back', { t: 'heartbeat', n: 3, time: Date.now() }],
    ['a heartbeat beyond', { t: 'heartbeat', n: 99, time: Date.now() }],
    ['nonsense', { t: 'change', after: 10, n: 11, time: Date.now(), changes: [{ kind: 'explode' }] }],
    [
      'a bundle without a root',
      { t: 'change', after: 10, n: 11, time: Date.now(), changes: [{ kind: 'bundle', bundle: [] }] },
    ],
  ];
  for (const [name, message] of bad) {
    const before = controller.told.streams.length;
    controller.send(message);
    await controller.until(({ streams }) => streams.length > before);
    t.same(controller.told.streams.at(-1), {}, `${name}: a snapshot is asked for`);
    t.equal(
      (await ask(world, device, port, { grant: world.grant(device) })).status,
      200,
      `${name}: and access goes on`,
    );
  }
  const before = controller.told.streams.length;
  controller.cutStreams();
  await controller.until(({ streams }) => streams.length > before);
  t.match(
    controller.told.streams.at(-1),
    { generation: 'gen_00000001', after: 10 },
    'a broken stream goes on by number',
  );
});

t.test('a new generation is taken whole, and the identity key told again (P35)', async (t) => {
  const { controller, gateway } = await begin(t, 0);
  t.teardown(() => gateway.stop());
  await controller.until(({ identityKeys }) => identityKeys.length === 1);
  controller.newGeneration('gen_00000002');
  controller.cutStreams();
  await controller.until(
    ({ identityKeys, applied }) => identityKeys.length === 2 && applied.at(-1)?.generation === 'gen_00000002',
  );
  t.pass();
});

t.test('key sets are served to apps (P23)', async (t) => {
  const { controller, gateway } = await begin(t, 0);
  t.teardown(() => gateway.stop());
  const url = (path: string) => `http://127.0.0.1:${gateway.keySets!.port}/apps/${path}`;
  t.equal((await fetch(url('wiki/keys'))).status, 404);
  await controller.until(({ identityKeys }) => identityKeys.length > 0);
  const [jwk] = controller.told.identityKeys;
  const n = controller.change([{ kind: 'key-sets', keySets: [{ app: 'wiki', keys: [jwk], signed: 'a.b.c' }] }]);
  await controller.until(({ applied }) => applied.at(-1)?.through === n);
  t.same(await fetch(url('wiki/keys')).then((res) => res.json()), { keys: [jwk] });
  t.equal(await fetch(url('wiki/keys.jwt')).then((res) => res.text()), 'a.b.c');
});

t.test('certificates are renewed when it is time, and by their last key when that has passed (P4)', async (t) => {
  const { world, device, controller, gateway, dir, start } = await begin(t, 0);
  await gateway.stop();
  t.equal(controller.told.renewals, 0, 'a fresh one is left alone');
  const file = join(dir, 'membership.json');
  const keys = openKeys(dir);
  const hour = 3_600_000;
  for (const [age, why] of [
    [20 * hour, 'in the last third of its life'],
    [30 * hour, 'expired'],
  ] as const) {
    const member = JSON.parse(readFileSync(file, 'utf8')) as { certificate: string };
    const { pem } = await issueLeaf({
      issuer: world.issuer,
      publicKey: keys.tls.publicKey,
      spiffeId: 'spiffe://postern.test/gateway/gw-1',
      now: Date.now() - age,
    });
    writeFileSync(file, JSON.stringify({ ...member, certificate: pem }));
    const before = controller.told.renewals;
    const again = await start();
    await controller.until(({ renewals }) => renewals > before);
    const served = async () => (await dial(world, device, again.address.port)).getPeerX509Certificate()!;
    const old = new X509Certificate(pem).serialNumber;
    while ((await served()).serialNumber === old) await new Promise((resolve) => setImmediate(resolve));
    t.equal((await served()).publicKey.equals(keys.tls.publicKey), true, `${why}: with the same key`);
    t.ok(again.health().certificateSecondsLeft > 23 * 3600, why);
    await again.stop();
  }
});

t.test('joining: one invitation, one gateway, the right root (P3, P5)', async (t) => {
  const { controller, gateway, dir } = await begin(t, 0);
  await gateway.stop();
  const join = (invitation: string, place = t.testdir({ fresh: {} })) =>
    joinController({ dir: `${place}/fresh`, invitation, clock: systemClock });
  await t.rejects(joinController({ dir, invitation: controller.invitation, clock: systemClock }), { code: 'conflict' });
  const read = decodeInvitation(controller.invitation);
  await t.rejects(join(encodeInvitation({ ...read, r: 'device' })), { code: 'code-refused' });
  await t.rejects(join(encodeInvitation({ ...read, p: '0'.repeat(64) })), { code: 'peer-refused' });
  await t.rejects(join(encodeInvitation({ ...read, k: 'x'.repeat(22) })), { code: 'code-refused' });
  await t.rejects(join('nonsense'), { code: 'code-refused' });
});

t.test('a worker that dies is replaced, and what it carried has an end in the log (P24)', async (t) => {
  const { world, device, controller, gateway, port } = await begin(t, 1);
  t.teardown(() => gateway.stop());
  const { response, socket } = await open(world, device, port, { path: '/events', grant: world.grant(device) });
  response.on('error', () => {});
  await once(response, 'data');
  const ended = whenClosed(socket);
  process.kill(onlyWorker(), 'SIGKILL');
  await ended;
  await controller.until(({ records }) => records.some(({ record }) => record.phase === 'interrupted'));
  const answer = await untilServed(() => ask(world, device, port, { grant: world.grant(device) }));
  t.equal(answer.status, 200, 'the next one serves on the same port');
});

t.test('a worker that does not confirm a revocation is killed (P16)', async (t) => {
  const { world, device, controller, gateway, port } = await begin(t, 1, 500);
  t.teardown(() => gateway.stop());
  const { response, socket } = await open(world, device, port, { path: '/events', grant: world.grant(device) });
  response.on('error', () => {});
  await once(response, 'data');
  const ended = whenClosed(socket);
  process.kill(onlyWorker(), 'SIGSTOP');
  const n = controller.revoke('person', 'anna');
  await ended;
  await controller.until(({ applied }) => applied.at(-1)?.through === n);
  const answer = await untilServed(() => ask(world, device, port, { grant: world.grant(device) }));
  t.equal(answer.code, 'grant-revoked', 'its replacement knows');
});

function onlyWorker(): number {
  const [worker] = Object.values(cluster.workers ?? {});
  return worker!.process.pid!;
}

/** A connection that meets the gap between two workers is reset: a client tries again. */
async function untilServed<T>(request: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await request();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
