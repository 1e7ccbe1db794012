/** P30: another user of the machine, and a program that is gone, at every local port. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t from 'tap';
import { createOwnerCheck, systemOwnerParts } from '../../client-agent/from-apps/owner-check.ts';
import { ask, localRig } from '../client-agent/from-apps/local-rig.ts';
import { fakeGateway } from '../support/fake-agent-core.ts';

const canBeOthers =
  process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('setpriv', ['--version']).status === 0;
const needsRoot = { skip: !canBeOthers && 'needs Linux, root and setpriv to act as another user' };
const nobody = 65_534;

/** Connects as that user, sends, prints what it reads as one JSON text, and stays until it is killed or the end. */
const program = (port: number, text: string) => `
const s = require('node:net').connect({ port: ${port}, host: process.argv[1] });
let got = '';
s.on('connect', () => { console.error('connected'); s.write(${JSON.stringify(text)}); });
s.on('data', (d) => { got += d; });
s.on('error', () => {});
s.on('close', () => { console.log(JSON.stringify(got)); });
`;

function runAs(uid: number, port: number, text: string, host = '127.0.0.1'): ChildProcess {
  const code = program(port, text);
  // The machine's own node: that of the project may lie where another user cannot read.
  const args = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'node', '-e', code, host];
  return spawn('setpriv', args, { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
}

async function whatItRead(child: ChildProcess): Promise<string> {
  let out = '';
  child.stdout!.on('data', (chunk) => {
    out += chunk;
  });
  await once(child, 'close');
  return JSON.parse(out) as string;
}

t.test('P30: another user gets nothing from any local port, over both loopback addresses', needsRoot, async (t) => {
  let reached = 0;
  const tcpApp = createServer(() => {
    reached += 1;
  });
  tcpApp.listen(0, '127.0.0.1');
  await once(tcpApp, 'listening');
  t.teardown(() => tcpApp.close());
  const rig = await localRig(t, { tcpApp: (tcpApp.address() as AddressInfo).port, socks: true });
  const local = await rig.side.openPort('db', 0);
  const get = `GET / HTTP/1.1\r\nHost: wiki.localhost:${rig.port}\r\nConnection: close\r\n\r\n`;
  const connect = 'CONNECT db.corp.internal:5432 HTTP/1.1\r\nHost: db.corp.internal:5432\r\n\r\n';
  for (const host of ['127.0.0.1', '::1']) {
    for (const text of [get, connect]) {
      const answer = await whatItRead(runAs(nobody, rig.port, text, host));
      t.match(answer, /^HTTP\/1.1 403 Forbidden\r\n[\s\S]*"code":"local-refused"/);
    }
    t.equal(await whatItRead(runAs(nobody, rig.side.ports.socks!, '\x05\x01\x00', host)), '');
    t.equal(await whatItRead(runAs(nobody, local.port, 'hello', host)), '');
  }
  t.equal(rig.got.length, 0);
  t.equal(reached, 0);
  t.equal(rig.core.asked.length, 0);
  t.equal(rig.core.activities, 0, 'and keeps no session awake');
  t.equal((await ask(rig.port, { host: `wiki.localhost:${rig.port}` })).status, 200, 'this user is served meanwhile');
});

t.test('P30: an agent of another user does not serve root', needsRoot, async (t) => {
  const check = createOwnerCheck({ ...systemOwnerParts(), uid: nobody });
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const [uid, ownership] of [
    // Nobody: only a password could prove it (p30-clients.test.ts).
    [0, 'unprovable'],
    [1, 'other'],
    [nobody, 'own'],
  ] as const) {
    const child = runAs(uid, port, 'x');
    const [socket] = (await once(server, 'connection')) as [Socket];
    t.equal(await check(socket), ownership);
    socket.destroy();
    await once(child, 'close');
  }
});

t.test('P30: another user who has ended its half of the connection is another user still', needsRoot, async (t) => {
  const check = createOwnerCheck(systemOwnerParts());
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const code = `const s = require('node:net').connect({ port: ${(server.address() as AddressInfo).port}, host: '127.0.0.1', allowHalfOpen: true });
s.end('a stolen password', () => console.log('ended')); s.on('error', () => {}); s.resume();`;
  const child = spawn('setpriv', [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', 'node', '-e', code], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [socket] = (await once(server, 'connection')) as [Socket];
  await once(child.stdout, 'data');
  t.equal(await check(socket), 'other', 'no password is asked of it');
  socket.destroy();
  await once(child, 'close');
});

t.test(
  "P30: a connection whose program is gone is nobody's",
  { skip: process.platform !== 'linux' && 'needs /proc' },
  async (t) => {
    const check = createOwnerCheck(systemOwnerParts());
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const child = spawn(process.execPath, ['-e', program(port, 'the last will'), '127.0.0.1'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [socket] = (await once(server, 'connection')) as [Socket];
    await once(child.stderr, 'data');
    t.equal(await check(socket), 'own', 'while it lives');
    child.kill('SIGKILL');
    await once(child, 'close');
    t.equal(await check(socket), 'other', 'its bytes still wait to be read');
    socket.destroy();
  },
);

t.test('P30: where ownership cannot be told, everybody is refused unless development says otherwise', async (t) => {
  const { listenOwn } = await import('../../client-agent/from-apps/listen-own.ts');
  const { silentLog } = await import('#shared/base/log.ts');
  const { RawClient } = await import('../client-agent/from-apps/local-rig.ts');
  const served = async (trustLoopback: boolean, ownership: 'unprovable' | 'other') => {
    const own = await listenOwn({
      name: 'test',
      port: 0,
      check: async () => ownership,
      trustLoopback,
      log: silentLog,
      onSocket: (socket) => socket.end('served'),
    });
    t.teardown(() => own.stop());
    return new RawClient(t, own.port).send('x').rest();
  };
  t.equal(await served(false, 'unprovable'), '');
  t.equal(await served(true, 'unprovable'), 'served');
  t.equal(await served(true, 'other'), '', 'another user never');
});

t.test('P30: a taken port is an error that names its owner, on either loopback address', async (t) => {
  const port = await fakeGateway(t, (_req, res) => res.end());
  const { listenOwn } = await import('../../client-agent/from-apps/listen-own.ts');
  const { silentLog } = await import('#shared/base/log.ts');
  const listen = (wanted: number) =>
    listenOwn({
      name: 'x',
      port: wanted,
      check: async () => 'own',
      trustLoopback: false,
      log: silentLog,
      onSocket: (s) => s.destroy(),
    });
  await t.rejects(listen(port), { code: 'conflict', message: new RegExp(`taken by .*process ${process.pid}`) });
  const six = createServer().listen(0, '::1');
  await once(six, 'listening');
  t.teardown(() => six.close());
  await t.rejects(listen((six.address() as AddressInfo).port), { code: 'conflict' });
});
