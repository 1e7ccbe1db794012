/** P3, P25 to P28 at a whole controller: who was never let in gets not a byte from either port. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';
import { type Clock, hour } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import { controllerDoor, type KnockKind } from '#shared/contracts/knock.ts';
import { KnockCounter } from '#shared/wire/doors/knock-counter.ts';
import { Knocker } from '#shared/wire/doors/knocker.ts';
import { Ladders } from '#shared/wire/doors/ladders.ts';
import { decodeInvitation } from '#shared/wire/invitation.ts';
import { Keystore } from '../../client-agent/keystore/keystore.ts';
import { ControllerLink } from '../../client-agent/to-controller/controller-link.ts';
import { ControllerTime } from '../../client-agent/to-controller/controller-time.ts';
import { DeviceKnocks } from '../../client-agent/to-controller/device-knocks.ts';
import { enrol } from '../../client-agent/to-controller/enrol.ts';
import { startController } from '../../controller/wiring.ts';
import { joinController } from '../../gateway/to-controller/join.ts';
import { type RunController, runController } from '../controller/support/run-controller.ts';

/** A profile of its own; ends with the test. */
function newKeystore(t: Test): Keystore {
  const dir = mkdtempSync(join(tmpdir(), 'postern-hidden-'));
  const keystore = new Keystore(dir);
  t.teardown(() => {
    keystore.close();
    rmSync(dir, { recursive: true });
  });
  return keystore;
}

async function enrolEmma(t: Test, { as, clock }: RunController) {
  const admin = as({ reason: 'test' });
  await admin.putPerson({ params: { id: 'emma' }, body: { name: 'Emma' } });
  const { invitation } = await admin.invite({ body: { person: 'emma' } });
  const keystore = newKeystore(t);
  const facts = { os: 'linux', hostName: 'laptop' } as const;
  await enrol({ keystore, invitation, facts, clock, log: silentLog });
  const knocks = new DeviceKnocks({ keystore, clock });
  const ladders = new Ladders({ clock, log: silentLog, proxy: { setting: 'none', env: {} } });
  const link = new ControllerLink({
    keystore,
    time: new ControllerTime(clock),
    log: silentLog,
    session: () => undefined,
    onChange: () => {},
    reach: ladders.toController('mutual', knocks.atController('mutual')),
  });
  t.teardown(() => link.stop());
  return { admin, invitation, keystore, link, device: keystore.enrolment.device };
}

/** Bytes that come back for these, until the connection is closed; -1 when it was answered. */
async function answerTo(address: string, ...pieces: readonly (string | Uint8Array)[]): Promise<number> {
  const socket = connect(splitAddress(address));
  let got = 0;
  socket
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      got += chunk.length;
      socket.destroy();
    });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  for (const piece of pieces) socket.write(piece);
  await closed;
  return got;
}

/** A client's first flight of TLS 1.3, with a good shape: a server without a door would answer it. */
async function hello(): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }).on('error', () => {});
  const [socket] = await once(server, 'connection');
  const [bytes] = await once(socket, 'data');
  client.destroy();
  server.close();
  return bytes as Buffer;
}

const knocker = (client: string, clock: Clock) =>
  new Knocker(client, new KnockCounter({ read: () => undefined, write: () => {} }, clock), clock);

t.test('P28: strangers get nothing; who was invited enrols, and what is enrolled comes in', async (t) => {
  const controller = await runController(t, { door: 'prelude' });
  const { mutual, bootstrap } = controller.addresses;
  const first = await hello();
  for (const address of [mutual, bootstrap]) {
    t.equal(await answerTo(address, first), 0, 'TLS');
    t.equal(await answerTo(address, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 0, 'HTTP');
    t.equal(await answerTo(address, Buffer.alloc(300, 1)), 0, 'noise');
  }
  const { link, invitation, keystore } = await enrolEmma(t, controller);
  await t.rejects(link.me.me(), { code: 'session-required' }, 'it speaks with this device');
  t.match(keystore.enrolment.knock, { door: 'prelude' });
  const facts = { os: 'linux', hostName: 'laptop' } as const;
  await t.rejects(
    enrol({ keystore: newKeystore(t), invitation, facts, clock: controller.clock, log: silentLog }),
    { code: 'unreachable' },
    'a used invitation opens nothing',
  );
});

t.test('P26: an invitation opens the bootstrap server alone, and nothing once it is void', async (t) => {
  const controller = await runController(t, { door: 'prelude' });
  const { mutual, bootstrap } = controller.addresses;
  const admin = controller.as({ reason: 'test' });
  await admin.putPerson({ params: { id: 'emma' }, body: { name: 'Emma' } });
  const invited = await admin.invite({ body: { person: 'emma' } });
  const { i, s: secret } = decodeInvitation(invited.invitation).n!;
  const mine = knocker(`invitation/${i}`, controller.clock);
  const knock = (kind: KnockKind) => mine.prelude({ secret, door: controllerDoor, kind });
  const first = await hello();
  t.ok((await answerTo(bootstrap, knock('bootstrap'), first)) > 0);
  t.ok((await answerTo(mutual, knock('bootstrap'), first)) > 0, 'on either port, by its kind');
  t.equal(await answerTo(bootstrap, knock('mutual'), first), 0, 'the mutual server is not for it');
  const used = knock('bootstrap');
  t.ok((await answerTo(bootstrap, used, first)) > 0);
  t.equal(await answerTo(bootstrap, used, first), 0, 'replayed');
  t.equal(await answerTo(mutual, used, first), 0, 'replayed at the other port');
  await admin.voidInvitation({ params: { id: invited.id } });
  while ((await answerTo(bootstrap, knock('bootstrap'), first)) > 0);
  t.pass('void');
});

t.test('P25: a clock two hours wrong comes in all the same; one day and more wrong it does not', async (t) => {
  const controller = await runController(t, { door: 'prelude' });
  const { keystore, device } = await enrolEmma(t, controller);
  const { secret } = keystore.enrolment.knock!;
  const first = await hello();
  for (const [off, opens] of [
    [-2 * hour, true],
    [2 * hour, true],
    [-25 * hour, false],
    [25 * hour, false],
  ] as const) {
    const clock = { now: () => controller.clock.now() + off };
    // Counters go on from the enrolment's own, whatever the clock says.
    const mine = new Knocker(
      `device/${device}`,
      new KnockCounter(
        { read: () => String(controller.clock.now() + 30 * hour + off), write: () => {} },
        controller.clock,
      ),
      clock,
    );
    const order = { secret, door: controllerDoor, kind: 'bootstrap' } as const;
    t.equal((await answerTo(controller.addresses.bootstrap, mine.prelude(order), first)) > 0, opens, `${off / hour} h`);
  }
});

t.test('P17: whoever is contained meets silence until lifted', async (t) => {
  const controller = await runController(t, { door: 'prelude' });
  const { admin, device, link } = await enrolEmma(t, controller);
  await t.rejects(link.me.me(), { code: 'session-required' });
  const silent = async () => {
    link.reconnect();
    return link.me.me().then(
      () => 'answered',
      (error: { code: string }) => error.code,
    );
  };
  for (const which of [
    { kind: 'device', id: device },
    { kind: 'person', id: 'emma' },
  ] as const) {
    await admin.contain({ body: { ...which, because: 'stolen' } });
    while ((await silent()) !== 'unreachable');
    await admin.lift({ body: { ...which, because: 'found' } });
    while ((await silent()) === 'unreachable');
    t.pass(`${which.kind} lifted`);
  }
});

t.test('P26: a gateway joins through the door, and comes back by a key of its own', async (t) => {
  const controller = await runController(t, { door: 'prelude' });
  const { clock } = controller;
  const { invitation } = await controller
    .as({ reason: 'test' })
    .inviteGateway({ body: { id: 'gw-main', site: 'main', address: '127.0.0.1:8444' } });
  const member = await joinController({ dir: t.testdir({}), invitation, clock });
  t.match(member, { gateway: 'gw-main', knock: { door: 'prelude' } });
  const order = { secret: member.knock!.secret, door: controllerDoor, kind: 'mutual' } as const;
  const first = await hello();
  const mine = knocker('gateway/gw-main', clock);
  t.ok((await answerTo(controller.addresses.mutual, mine.prelude(order), first)) > 0);
  t.equal(await answerTo(controller.addresses.mutual, knocker('gateway/gw-other', clock).prelude(order), first), 0);
});

t.test('P28: a door that is put up or taken away later is found by those who were told otherwise', async (t) => {
  const controller = await runController(t);
  const { link, keystore } = await enrolEmma(t, controller);
  t.match(keystore.enrolment.knock, { door: 'none' });
  await t.rejects(link.me.me(), { code: 'session-required' });
  let running: { stop(): Promise<void> } = controller;
  const { mutual, bootstrap } = controller.addresses;
  const listen = {
    host: '127.0.0.1',
    prelude: 0,
    mutual: splitAddress(mutual).port,
    bootstrap: splitAddress(bootstrap).port,
  };
  t.teardown(() => running.stop());
  for (const door of ['prelude', 'none', 'prelude'] as const) {
    await running.stop();
    running = await startController(
      { ...controller.config, listen, door },
      { clock: controller.clock, log: silentLog, env: {} },
    );
    link.reconnect();
    await t.rejects(link.me.me(), { code: 'session-required' }, door);
  }
});
