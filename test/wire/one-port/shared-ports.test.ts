/** P28: who of a controller and a gateway has the port that both are reached at, and how it goes from one to the other. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import { knockBytes } from '#shared/contracts/knock.ts';
import { KnockListener } from '#shared/wire/doors/knock-listener.ts';
import { listenTcp } from '#shared/wire/listen.ts';
import { PortClaim } from '#shared/wire/one-port/port-claim.ts';
import { PortGiver } from '#shared/wire/one-port/port-giver.ts';
import { claimsSocket, shareComplaints } from '#shared/wire/one-port/share-place.ts';
import { untilItWorks } from '../../../deploy/quickstart/clients.ts';
import { privateDir } from '../../support/journey-tools.ts';

const host = '127.0.0.1';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Says `name` to whoever connects. */
function named(name: string, port: number) {
  const server: Server = createServer((socket) => socket.on('error', () => {}).end(name));
  return {
    port,
    open: async () => void (await listenTcp(server, { host, port })),
    close: () => void server.close(),
  };
}

/** Who answers at the port; `nobody` where it is refused. */
function whoIsAt(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }).setEncoding('utf8');
    socket.once('data', (name: unknown) => resolve(String(name))).once('error', () => resolve('nobody'));
  });
}

const until = (port: number, name: string) =>
  untilItWorks(async () => {
    const found = await whoIsAt(port);
    if (found !== name) throw new Error(`${found} is at the port`);
  });

async function openGiver(t: Test, dir: string) {
  const giver = new PortGiver(silentLog);
  await giver.listen(dir);
  t.teardown(() => giver.stop());
  return giver;
}

function makeClaim(t: Test, dir: string) {
  const claim = new PortClaim({ dir, log: silentLog });
  t.teardown(() => claim.stop());
  return claim;
}

t.test('P28: the controller has the port while no gateway does', async (t) => {
  const dir = privateDir(t, 'share');
  const [port, own] = [await freePort(), await freePort()];
  const giver = await openGiver(t, dir);
  await giver.serveTcp(named('controller', port));
  t.equal(await whoIsAt(port), 'controller');
  const claim = makeClaim(t, dir);
  await claim.want({ tcp: [port, own] });
  t.equal(await whoIsAt(port), 'nobody', 'free when the gateway may listen');
  const gateway = named('gateway', port);
  await gateway.open();
  t.equal(await whoIsAt(port), 'gateway');
  claim.stop();
  gateway.close();
  await until(port, 'controller');
  await makeClaim(t, dir).want({ tcp: [own] });
  t.equal(await whoIsAt(port), 'controller', 'another port is nothing to it');
});

t.test('P28: a controller that comes later waits until the port is free', async (t) => {
  const dir = privateDir(t, 'share');
  const port = await freePort();
  const claim = makeClaim(t, dir);
  await claim.want({ tcp: [port] });
  const gateway = named('gateway', port);
  await gateway.open();
  t.teardown(() => gateway.close());
  const giver = await openGiver(t, dir);
  await giver.serveTcp(named('controller', port));
  await untilItWorks(async () => {
    if (!claim.isHeld) throw new Error('not claimed yet');
  });
  t.equal(await whoIsAt(port), 'gateway');
  claim.stop();
  // Its children end a moment after itself.
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(await whoIsAt(port), 'gateway');
  gateway.close();
  await until(port, 'controller');
});

t.test('P28: of two gateways one has it, and the other after that', async (t) => {
  const dir = privateDir(t, 'share');
  const port = await freePort();
  const giver = await openGiver(t, dir);
  await giver.serveTcp(named('controller', port));
  const first = makeClaim(t, dir);
  await first.want({ tcp: [port] });
  const wanted = makeClaim(t, dir).want({ tcp: [port] });
  let isGiven = false;
  void wanted.then(() => (isGiven = true));
  await first.want({ tcp: [port] });
  t.notOk(isGiven, 'it waits');
  first.stop();
  await wanted;
  t.equal(await whoIsAt(port), 'nobody');
});

t.test('P27: a gateway that is refused leaves no connection behind at the controller', async (t) => {
  const dir = privateDir(t, 'share');
  const port = await freePort();
  await openGiver(t, dir);
  await makeClaim(t, dir).want({ tcp: [port] });
  // It tries again each second, for as long as the other one has the port. What it wrote nobody reads any more.
  const socket = connect({ path: claimsSocket(dir), allowHalfOpen: true }).on('error', () => {});
  t.teardown(() => socket.destroy());
  socket.write(`{"t":"have","n":1,"tcp":[${port}],"udp":[],"kernelDoor":false}\n`);
  const [line] = (await once(socket.setEncoding('utf8'), 'data')) as [string];
  t.match(JSON.parse(line), { t: 'refused', why: /another gateway/ });
  await once(socket, 'end');
  await untilItWorks(async () => {
    socket.write('\n');
    if (!socket.destroyed) throw new Error('the controller has it still');
  });
});

t.test('a claim that is stopped holds up nobody who waits for it', async (t) => {
  const dir = privateDir(t, 'share');
  const asked = Promise.withResolvers<void>();
  const server = createServer((socket) => void socket.on('error', () => {}).once('data', () => asked.resolve()));
  t.teardown(() => server.close());
  await once(server.listen(claimsSocket(dir)), 'listening');
  const claim = makeClaim(t, dir);
  let isOver = false;
  const wanted = claim.want({ tcp: [1] }).then(() => (isOver = true));
  await asked.promise;
  claim.stop();
  await new Promise((resolve) => setImmediate(resolve));
  t.ok(isOver);
  await wanted;
});

t.test('P28: what is no claim ends the connection, and the port is the controller’s again', async (t) => {
  const dir = privateDir(t, 'share');
  const port = await freePort();
  const giver = await openGiver(t, dir);
  await giver.serveTcp(named('controller', port));
  for (const line of ['x', '{"t":"have"}', '{"t":"have","n":1,"tcp":[0],"udp":[]}', `"${'x'.repeat(2000)}"`]) {
    const socket = connect(claimsSocket(dir)).on('error', () => {});
    socket.resume().write(`{"t":"have","n":1,"tcp":[${port}],"udp":[]}\n${line}\n`);
    await once(socket, 'close');
    await until(port, 'controller');
  }
});

t.test(
  'P25, P28: knocks by UDP that are of no key at the gateway come to the controller, with their address',
  async (t) => {
    const dir = privateDir(t, 'share');
    const port = await freePort();
    const judged: string[] = [];
    const heard = Promise.withResolvers<void>();
    const listener = (name: string, passOn?: (bytes: Buffer, source: string) => boolean) =>
      new KnockListener({
        judge: {
          async judge(bytes, observed) {
            judged.push(`${name} ${bytes.length} ${observed}`);
            if (name === 'controller') heard.resolve();
            return { ok: false, reason: 'unknown-key' };
          },
          count: (reason) => void judged.push(`${name} ${reason}`),
        },
        letIn: async () => {},
        ports: [port],
        hosts: [host],
        log: silentLog,
        passOn,
      });
    const giver = await openGiver(t, dir);
    const controller = listener('controller');
    await giver.serveKnocks(controller);
    const claim = makeClaim(t, dir);
    const gateway = listener('gateway', (bytes, source) => claim.knock(bytes, source));
    t.teardown(() => gateway.stop());
    await t.rejects(gateway.start(), { code: 'conflict' }, 'the controller has it');
    await claim.want({ udp: [port] });
    await gateway.start();
    const sender = createSocket('udp4').bind(0, '127.0.0.8');
    await once(sender, 'listening');
    t.teardown(() => sender.close());
    sender.on('message', () => t.fail('answered'));
    sender.send(Buffer.alloc(knockBytes, 7), port, host);
    await heard.promise;
    t.same(judged, [`gateway ${knockBytes} 127.0.0.8`, `controller ${knockBytes} 127.0.0.8`]);
    await giver.stopKnocks(controller);
    await gateway.stop();
    claim.leave({ udp: [] });
    claim.stop();
    t.equal(claim.knock(Buffer.alloc(knockBytes), '127.0.0.8'), false, 'nobody to give it to');
    await gateway.take(Buffer.alloc(knockBytes), '127.0.0.8');
    t.equal(judged.at(-1), 'gateway unknown-key', 'which is then counted here');
  },
);

t.test('P27: knocks for a controller that does not read are lost, and fill no memory', async (t) => {
  const dir = privateDir(t, 'share');
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', () => {
        socket.pause();
        socket.write('{"t":"given","n":1,"tcp":[],"udp":[]}\n');
        t.teardown(() => socket.destroy());
      });
  }).listen(claimsSocket(dir));
  t.teardown(() => server.close());
  await once(server, 'listening');
  const claim = makeClaim(t, dir);
  await claim.want({ udp: [1] });
  let given = 0;
  while (given < 100_000 && claim.knock(Buffer.alloc(knockBytes), '127.0.0.8')) given += 1;
  t.ok(given > 100 && given < 10_000, `${given} were given`);
});

t.test('P28: a port without the privilege is said at the start, and is no matter of time', async (t) => {
  const giver = await openGiver(t, privateDir(t, 'share'));
  const refused = new PosternError('invalid-config', 'this port needs more privilege');
  const open = () => Promise.reject(refused);
  await t.rejects(giver.serveTcp({ port: 443, open, close: () => {} }), refused);
});

t.test('P28: a kernel door at the shared port is of both or of neither', async (t) => {
  const dir = privateDir(t, 'share');
  const port = await freePort();
  const giver = await openGiver(t, dir);
  await giver.serveTcp(named('controller', port));
  const warned: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => void warned.push(line) });
  const claim = new PortClaim({ dir, kernelDoor: true, log });
  t.teardown(() => claim.stop());
  void claim.want({ tcp: [port] });
  await untilItWorks(async () => {
    if (warned.length === 0) throw new Error('nothing said yet');
  });
  t.match(warned, [/share\.kernelDoor is not the same/]);
  t.equal(await whoIsAt(port), 'controller', 'nothing is given');
});

t.test('a configuration that shares half a port is refused', async (t) => {
  const dir = '/var/lib/postern-share';
  for (const [share, port, door, complaints] of [
    [{ kernelDoor: false }, 0, 'none', []],
    [{ dir, kernelDoor: false }, 443, 'prelude', []],
    [{ dir, kernelDoor: true }, 443, 'both', []],
    [{ dir, kernelDoor: false }, 0, 'both', [/wants listen\.prelude/]],
    [{ dir, kernelDoor: true }, 443, 'prelude', [/wants a kernel door/]],
    [{ kernelDoor: true }, 443, 'both', [/wants share\.dir/]],
  ] as const)
    t.match(shareComplaints(share, port, door), complaints);
});
