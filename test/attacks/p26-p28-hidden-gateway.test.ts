/** P25 to P28 at a whole gateway, with its data path in one process and in two workers. */
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { toBase64url } from '#shared/base/bytes.ts';
import { minute, systemClock } from '#shared/base/clock.ts';
import { loadConfig } from '#shared/base/config.ts';
import { silentLog } from '#shared/base/log.ts';
import { asPrelude } from '#shared/crypto/encode-knock.ts';
import { gatewayConfig } from '../../gateway/config.ts';
import { joinController } from '../../gateway/to-controller/join.ts';
import { startGateway } from '../../gateway/wiring.ts';
import { startFakeController } from '../support/fake-controller.ts';
import { httpApp, startWebApp } from '../support/gateway-apps.ts';
import { ask, open, whenClosed } from '../support/gateway-client.ts';
import { gatewayId, makeWorld } from '../support/gateway-world.ts';
import { makeKnocker } from '../support/knocks.ts';

const app = await startWebApp();
t.teardown(() => app.stop());

async function begin(t: Test, workers: number) {
  const world = await makeWorld();
  const device = await world.leaf('device', 'dev_00000001');
  const controller = await startFakeController(world, [httpApp(app.port)]);
  t.teardown(() => controller.stop());
  const dir = t.testdir({});
  await joinController({ dir, invitation: controller.invitation, clock: systemClock });
  const places = { 'listen.host': '127.0.0.1', 'listen.port': 0, 'keySets.port': 0, 'metrics.port': 0 };
  const overrides = { dir, ...places, workers, workerConfirmMs: 20_000, door: 'prelude', 'log.level': 'silent' };
  const config = loadConfig(gatewayConfig, { overrides });
  const start = () => startGateway(config, { log: silentLog });
  const mine = makeKnocker(() => Date.now(), `gateway/${gatewayId}`, {
    id: 'ses_00000001',
    client: 'device/dev_00000001',
  });
  const { id, client, secret, since } = mine.credential;
  const key = { id, client, secret: toBase64url(secret), since, until: Date.now() + 60 * minute };
  const knock = () => asPrelude(mine.knock({ counter: Date.now() * 1000 + next() }));
  return { world, device, controller, key, knock, start, gateway: await start() };
}

let count = 0;
const next = (): number => {
  count += 1;
  return count;
};

/** What comes back for these first bytes. */
function answerTo(port: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve) => {
    let got = 0;
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        got += chunk.length;
      });
    socket.once('close', () => resolve(got));
  });
}

for (const workers of [0, 2]) {
  t.test(`P26, P28: a hidden gateway with ${workers} workers`, async (t) => {
    const { world, device, controller, key, knock, start, gateway } = await begin(t, workers);
    const { port } = gateway.address;
    const grant = world.grant(device);
    t.match(controller.told.streams[0], { door: 'prelude' }, 'the controller is told');

    await t.rejects(ask(world, device, port, { path: '/x', grant }), 'with certificate and grant, but no knock');
    await t.rejects(
      ask(world, device, port, { path: '/x', grant, prelude: knock() }),
      'by a key that it was not given',
    );

    const given = controller.change([{ kind: 'knock-key', key }], { knockKeys: [key] } as never);
    await controller.until(({ applied }) => applied.at(-1)?.through === given);
    t.equal((await ask(world, device, port, { path: '/x', grant, prelude: knock() })).status, 200);

    const used = knock();
    const { response, socket } = await open(world, device, port, { path: '/events', grant, prelude: used });
    response.on('error', () => {}).resume();
    // Enough for each worker to see it.
    for (let again = 0; again < 6; again += 1) t.equal(await answerTo(port, used), 0, 'replayed, at any worker');
    const stranger = await world.leaf('device', 'dev_00000002');
    await t.rejects(ask(world, stranger, port, { path: '/x', grant, prelude: knock() }), 'by another device');

    const gone = controller.change([{ kind: 'knock-gone', ids: [key.id] }], { knockKeys: [] } as never);
    await controller.until(({ applied }) => applied.at(-1)?.through === gone);
    t.equal(await answerTo(port, knock()), 0, 'taken back');
    t.notOk(socket.destroyed, 'the door is for new connections');
    const ended = whenClosed(socket);
    controller.revoke('person', 'anna');
    await ended;

    const metrics = await fetch(`http://127.0.0.1:${gateway.metrics!.port}/metrics`).then((res) => res.text());
    const counted = (outcome: string) =>
      Number(new RegExp(`postern_gateway_knocks_total\\{outcome="${outcome}"\\} (\\d+)`).exec(metrics)?.[1] ?? 0);
    t.equal(counted('good'), 3);
    t.equal(counted('replayed'), 6);
    t.equal(counted('revoked'), 1);
    t.equal(counted('unknown-key'), 1);
    t.notMatch(metrics, /anna|dev_/);
    await gateway.stop();
    const refused = controller.told.records
      .map(({ record }) => record)
      .filter(({ reasons }) => reasons.includes('knock-refused'));
    t.ok(
      refused.some(({ details }) => details?.['knock'] === 'replayed'),
      'sampled on record',
    );
    t.ok(refused.every(({ device }) => device === undefined || device === 'dev_00000001'));

    const back = controller.change([{ kind: 'knock-key', key }], { knockKeys: [key] } as never);
    const second = await start();
    t.teardown(() => second.stop());
    await controller.until(({ applied }) => applied.at(-1)?.through === back);
    t.equal(await answerTo(second.address.port, used), 0, 'replayed after a restart');
    const more = { path: '/x', grant: world.grant(device, { seen: 100 }), prelude: knock() };
    t.equal((await ask(world, device, second.address.port, more)).status, 200);
  });
}
