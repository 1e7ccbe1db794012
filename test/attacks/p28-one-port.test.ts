/** P25, P27, P28: a gateway and a controller at one port. What is of no key at the gateway is the controller's to judge, and nothing else. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { asPrelude } from '#shared/crypto/encode-knock.ts';
import { PassOn } from '#shared/wire/one-port/pass-on.ts';
import { PortGiver } from '#shared/wire/one-port/port-giver.ts';
import { writeProxyHeader } from '#shared/wire/one-port/proxy-header.ts';
import { checkShareDir, checkShareSocket, claimsSocket, connectionsSocket } from '#shared/wire/one-port/share-place.ts';
import { TakeOver } from '#shared/wire/one-port/take-over.ts';
import { privateDir, runTool } from '../support/journey-tools.ts';
import { openKnockDoor, recordHello } from '../support/knock-door.ts';
import { makeKnocker } from '../support/knocks.ts';

const now = () => Date.now();
const device = { client: 'device/dev_00000001' };

async function bothAtOnePort(t: Test, limits = { perSource: 64, total: 1024 }) {
  const dir = privateDir(t, 'share');
  const passOn = new PassOn(connectionsSocket(dir));
  const gateway = await openKnockDoor(t, { passOn, limits, waitMs: 1000 });
  const controller = await openKnockDoor(t, { waitMs: 1000 });
  const open = async () => {
    const takeOver = new TakeOver(controller.door);
    await takeOver.listen(dir);
    t.teardown(() => takeOver.stop());
    return takeOver;
  };
  t.teardown(() => passOn.stop());
  const atGateway = makeKnocker(now, 'gateway/gw-main', device);
  const atController = makeKnocker(now, 'gateway/gw-main', device);
  gateway.ring.put(atGateway.credential);
  controller.ring.put(atController.credential);
  return { dir, passOn, gateway, controller, atGateway, atController, open };
}

t.test('P28: each knock leads to the one that it is for, and that one sees who is there', async (t) => {
  const { passOn, gateway, controller, atGateway, atController, open } = await bothAtOnePort(t);
  await open();
  const to = { to: gateway.port, from: '127.0.0.9' };
  const own = await gateway.dial(atGateway.knock(), await gateway.ca.leaf('device', 'dev_00000001'), to);
  t.equal(await gateway.get(own), 'mutual device/dev_00000001');
  t.equal(passOn.size, 0, 'and nothing of it goes by the controller');
  const leaf = await controller.ca.leaf('device', 'dev_00000001');
  const other = await controller.dial(atController.knock(), leaf, to);
  t.equal(passOn.size, 1);
  t.equal(await controller.get(other), 'mutual device/dev_00000001', 'the certificate is held to the knock there too');
  const seen = await controller.dial(atController.knock(), leaf, to);
  const { localPort } = seen;
  t.equal(await controller.get(seen, '/from'), `127.0.0.9 ${localPort}`, 'the true address');
  const thief = await controller.dial(atController.knock(), await controller.ca.leaf('device', 'dev_00000002'), to);
  t.equal(await controller.get(thief), undefined, 'another certificate than the one that knocked');
  t.match(gateway.counts.read(), { good: 1 });
  t.match(controller.counts.read(), { good: 3 });
  t.equal(gateway.counts.read()['unknown-key'], undefined, "the controller's devices are no refusals at the gateway");
});

t.test('P28: a knock for the controller may come in pieces, and with what follows it in one', async (t) => {
  const { gateway, atController, open } = await bothAtOnePort(t);
  await open();
  const hello = await recordHello();
  for (const pieces of [
    [Buffer.concat([asPrelude(atController.knock()), hello])],
    [asPrelude(atController.knock()), hello],
    [...asPrelude(atController.knock()), ...hello].map((byte) => Buffer.of(byte)),
  ]) {
    const answer = await gateway.send(pieces, { until: (bytes) => bytes.length > 100 });
    t.equal(answer[0], 22, 'the first byte is of the handshake');
    t.equal(answer[5], 2, 'a ServerHello');
  }
});

t.test('P25, P28: nothing but a whole knock of an unknown key is handed over, and no byte comes back', async (t) => {
  const { gateway, controller, atGateway, atController, open } = await bothAtOnePort(t);
  await open();
  const hello = await recordHello();
  const spoilt = (bytes: Buffer) => bytes.with(100, bytes[100]! ^ 1);
  const used = asPrelude(atController.knock());
  t.ok((await gateway.send([used, hello], { until: (bytes) => bytes.length > 0 })).length > 0);
  const stranger = makeKnocker(now);
  const table = [
    ['a TLS hello', [hello], 'length', undefined],
    ['half a knock', [used.subarray(0, 150)], 'too-slow', undefined],
    ['a wrong bit in a knock for the gateway', [spoilt(asPrelude(atGateway.knock())), hello], 'bad-mac', undefined],
    ['a wrong bit in one for the controller', [spoilt(asPrelude(atController.knock())), hello], undefined, 'bad-mac'],
    ['one for the controller, again', [used, hello], undefined, 'replayed'],
    ['one of a stranger', [asPrelude(stranger.knock()), hello], undefined, 'unknown-key'],
    ['one of another epoch', [asPrelude(atController.knock({ time: 0 })), hello], undefined, 'unknown-key'],
  ] as const;
  for (const [name, pieces, here, there] of table) {
    const before = [gateway.counts.read(), controller.counts.read()];
    t.equal((await gateway.send(pieces)).length, 0, name);
    const after = [gateway.counts.read(), controller.counts.read()];
    for (const [place, reason] of [here, there].entries()) {
      const expected = { ...before[place] };
      if (reason !== undefined) expected[reason] = (expected[reason] ?? 0) + 1;
      t.same(after[place], expected, `${name}: counted ${place === 0 ? 'at the gateway' : 'at the controller'}`);
    }
  }
  t.equal(gateway.door.waiting + controller.door.waiting, 0);
});

t.test('P28: without a controller there is silence; with one again its devices come in', async (t) => {
  const { passOn, gateway, controller, atController, atGateway, open } = await bothAtOnePort(t);
  const hello = await recordHello();
  t.equal((await gateway.send([asPrelude(atController.knock()), hello])).length, 0);
  t.match(gateway.counts.read(), { 'unknown-key': 1 }, 'counted where nobody else is asked');
  const takeOver = await open();
  const leaf = await controller.ca.leaf('device', 'dev_00000001');
  const running = await controller.dial(atController.knock(), leaf, { to: gateway.port });
  const closed = once(
    running.on('error', () => {}),
    'close',
  );
  takeOver.stop();
  await closed;
  t.equal((await gateway.send([asPrelude(atController.knock()), hello])).length, 0);
  const own = await gateway.dial(atGateway.knock(), await gateway.ca.leaf('device', 'dev_00000001'));
  t.equal(await gateway.get(own), 'mutual device/dev_00000001', 'the gateway misses nothing');
  await open();
  const again = await controller.dial(atController.knock(), leaf, { to: gateway.port });
  const ended = once(
    again.on('error', () => {}),
    'close',
  );
  passOn.stop();
  await ended;
  t.pass('a gateway that stops ends what it carries');
});

t.test('P27: those who wait for a controller that says nothing give way as all who wait do', async (t) => {
  const { dir, gateway, atGateway } = await bothAtOnePort(t, { perSource: 2, total: 3 });
  const held: Socket[] = [];
  const silent = createServer((socket) => held.push(socket.on('error', () => {}).resume()));
  silent.listen(connectionsSocket(dir));
  t.teardown(() => {
    for (const socket of held) socket.destroy();
    silent.close();
  });
  const knock = async (from: string) => {
    const socket = connect({ port: gateway.port, host: '127.0.0.1', localAddress: from }).on('error', () => {});
    const closed = once(socket.resume(), 'close');
    await once(socket, 'connect');
    const arrived = once(silent, 'connection');
    socket.write(asPrelude(makeKnocker(now).knock()));
    await arrived;
    return { closed };
  };
  const first = await knock('127.0.0.7');
  await knock('127.0.0.7');
  await knock('127.0.0.7');
  await first.closed;
  t.equal(gateway.door.waiting, 2, 'two of one source');
  const hanging = held.filter((socket) => !socket.closed).map((socket) => once(socket, 'close'));
  await knock('127.0.0.8');
  const own = await gateway.dial(atGateway.knock(), await gateway.ca.leaf('device', 'dev_00000001'));
  t.equal(await gateway.get(own), 'mutual device/dev_00000001', 'and the good come in meanwhile');
  await Promise.all(hanging);
  t.pass('whoever has waited long enough is let go, here and there');
});

t.test('P27: a flood of knocks of unknown keys keeps nobody out, at either of the two', async (t) => {
  const { gateway, controller, atGateway, atController, open } = await bothAtOnePort(t, { perSource: 8, total: 32 });
  await open();
  const bad = Array.from({ length: 64 }, () => asPrelude(makeKnocker(now).knock()));
  let isOver = false;
  let thrown = 0;
  const flood = async (from: string) => {
    while (!isOver) {
      const socket = connect({ port: gateway.port, host: '127.0.0.1', localAddress: from }).on('error', () => {});
      const closed = once(socket.resume(), 'close');
      socket.write(bad[thrown % bad.length]!);
      thrown += 1;
      // Half of them do not wait until they are refused.
      if (thrown % 2 === 0) await closed;
      else await once(socket, 'connect').catch(() => {});
    }
  };
  const floods = Array.from({ length: 24 }, (_, index) => flood(`127.0.1.${index + 1}`));
  const leaf = await controller.ca.leaf('device', 'dev_00000001');
  const own = await gateway.ca.leaf('device', 'dev_00000001');
  for (let round = 0; round < 10; round += 1) {
    const here = await gateway.dial(atGateway.knock(), own, { from: '127.0.0.5' });
    t.equal(await gateway.get(here), 'mutual device/dev_00000001');
    const there = await controller.dial(atController.knock(), leaf, { to: gateway.port, from: '127.0.0.5' });
    t.equal(await controller.get(there), 'mutual device/dev_00000001');
  }
  isOver = true;
  await Promise.all(floods);
  t.ok(thrown > 100, `${thrown} were thrown meanwhile`);
  t.match({ ...gateway.counts.read(), ...controller.counts.read() }, { good: 10 });
});

t.test('P28: the socket of connections takes one header, and then a knock', async (t) => {
  const { dir, atController, open } = await bothAtOnePort(t);
  await open();
  const header = (address: string) =>
    writeProxyHeader({ remote: { address, port: 7 }, local: { address, port: 443 } })!;
  const hello = await recordHello();
  const ask = async (...pieces: readonly Uint8Array[]) => {
    const socket = connect(connectionsSocket(dir)).on('error', () => {});
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      if (Buffer.concat(parts).length > 100) socket.destroy();
    });
    const closed = once(socket, 'close');
    socket.write(Buffer.concat(pieces));
    await closed;
    return Buffer.concat(parts);
  };
  const good = await ask(header('192.0.2.9'), asPrelude(atController.knock()), hello);
  t.equal(good[0], 1);
  t.equal(good[1], 22);
  for (const wrong of [
    Buffer.from('PROXY TCP4 192.0.2.9 192.0.2.9 7 443\r\n'),
    header('192.0.2.9').with(12, 0x20),
    header('192.0.2.9').with(13, 0x11),
    header('192.0.2.9').with(15, 0x25),
    Buffer.alloc(0),
  ])
    t.equal((await ask(wrong, asPrelude(atController.knock()), hello)).length, 0, wrong.toString('hex').slice(0, 40));
  t.equal((await ask(header('192.0.2.9'), hello)).length, 0);
  t.equal(writeProxyHeader({ remote: { address: '', port: 1 }, local: { address: '::1', port: 1 } }), undefined);
});

t.test('P28: a directory that others may write to is not used', async (t) => {
  const dir = privateDir(t, 'share');
  checkShareDir(dir, true);
  for (const mode of [0o770, 0o702, 0o777, 0o1777]) {
    chmodSync(dir, mode);
    for (const isOwn of [true, false])
      t.throws(() => checkShareDir(dir, isOwn), { code: 'invalid-config', message: /others .* may write/ });
  }
  chmodSync(dir, 0o750);
  checkShareDir(dir, false);
  t.throws(() => checkShareDir(`${dir}/none`, true), { message: /does not exist/ });
  t.throws(() => checkShareDir(`${dir}/${'x'.repeat(100)}`, true), { message: /too long/ });
});

const canBeOthers = process.getuid?.() === 0 && spawnSync('setpriv', ['--version']).status === 0;

t.test(
  'P28: another user of the host gets at neither socket, unless the group is told',
  { skip: !canBeOthers && 'needs Linux, root and setpriv to act as another user' },
  async (t) => {
    const { dir, open } = await bothAtOnePort(t);
    await open();
    const giver = new PortGiver(silentLog);
    await giver.listen(dir);
    t.teardown(() => giver.stop());
    chmodSync(dir, 0o2755);
    const path = connectionsSocket(dir);
    const connectAs = (path: string, ...who: readonly string[]) =>
      runTool('setpriv', [...who, 'curl', '-sS', '-m', '5', '--unix-socket', path, 'http://x/']);
    for (const socket of [path, claimsSocket(dir)]) {
      t.equal(statSync(socket).mode & 0o777, 0o660);
      const stranger = await connectAs(socket, '--reuid=65534', '--regid=65534', '--clear-groups');
      t.match(stranger, { code: 7, stdout: '', stderr: /connect/i }, 'refused by the kernel');
      chownSync(socket, 0, 65_533);
      const member = await connectAs(socket, '--reuid=65534', '--regid=65534', '--groups=65533');
      t.not(member.code, 7, 'the group comes as far as the socket');
      t.equal(member.stdout, '', 'and reads nothing');
    }
    chmodSync(path, 0o666);
    t.throws(() => checkShareSocket(path), { code: 'invalid-config', message: /everybody may write/ });
  },
);
