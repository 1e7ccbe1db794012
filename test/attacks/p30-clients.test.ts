/** P30: passwords of `postern client add` where ownership cannot be told, and what they are no help for. */
import { once } from 'node:events';
import { Socket } from 'node:net';
import t from 'tap';
import { createOwnerCheck, systemOwnerParts } from '../../client-agent/from-apps/owner-check.ts';
import { PendingStrangers } from '../../client-agent/from-apps/pending-strangers.ts';
import { ask, localRig, RawClient } from '../client-agent/from-apps/local-rig.ts';
import { capitalsApp } from '../support/capitals-app.ts';

const name = 'ci-runner-7';

t.test('P30: where the owner cannot be told, loopback asks for a password, and only of the proxies', async (t) => {
  const app = await capitalsApp(t);
  const ownerCheck = async () => 'unprovable' as const;
  const rig = await localRig(t, { ownerCheck, socks: true, tcpApp: app.port });
  const get = (path: string, host: string, more = '') =>
    new RawClient(t, rig.port).send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`).rest();
  const page = `wiki.localhost:${rig.port}`;
  t.match(await get('/', page), /^HTTP\/1.1 403 [\s\S]*cannot be told/);
  t.match(await get('http://wiki.corp.internal/', 'wiki.corp.internal'), /^HTTP\/1.1 403 /, 'no client, no question');
  t.equal(await new RawClient(t, rig.side.ports.socks!).send('\x05\x01\x02').rest(), '');

  const { password } = rig.clients.add({ name, apps: ['wiki'] });
  const basic = `Proxy-Authorization: Basic ${Buffer.from(`${name}:${password}`).toString('base64')}\r\n`;
  t.match(await get('/', page), /^HTTP\/1.1 403 [\s\S]*local-refused/);
  t.match(await get('/', page, basic), /^HTTP\/1.1 403 [\s\S]*local-refused/);
  t.match(await get('/', `postern.localhost:${rig.port}`, basic), /^HTTP\/1.1 403 /);
  t.match(await get('http://wiki.corp.internal/', 'wiki.corp.internal'), /^HTTP\/1.1 407 /);
  t.match(
    await get('http://wiki.corp.internal/.postern-local/session', 'wiki.corp.internal', basic),
    /^HTTP\/1.1 404 /,
  );
  t.match(await get('http://wiki.corp.internal/.postern/status', 'wiki.corp.internal', basic), /^HTTP\/1.1 404 /);
  t.match(await get('http://wiki.corp.internal/', 'wiki.corp.internal', basic), /^HTTP\/1.1 200 [\s\S]*from the app$/);
  const local = await rig.side.openPort('db', 0);
  t.equal(
    await new RawClient(t, local.port).send('hello').rest(),
    '',
    'the port of a TCP app has no password to ask for',
  );
  t.equal(rig.got.length, 1);

  const socks = async (...parts: (string | Buffer)[]) => {
    const client = new RawClient(t, rig.side.ports.socks!);
    for (const part of parts) client.send(part);
    return [...Buffer.from(await client.rest(), 'latin1')];
  };
  const login = (user: string, secret: string) =>
    Buffer.from(`\x01${String.fromCharCode(user.length)}${user}${String.fromCharCode(secret.length)}${secret}`);
  t.same(await socks('\x05\x01\x00'), [5, 255], 'none is not enough');
  t.same(await socks('\x05\x02\x00\x02', login(name, 'wrong')), [5, 2, 1, 1]);
  t.same(await socks('\x05\x02\x00\x02', login('', '')), [5, 2, 1, 1]);
  t.same(await socks('\x05\x02\x00\x02', '\x05\x01\x00\x03'), [5, 2], 'a request before the password');
  const answered = await socks(
    '\x05\x02\x00\x02',
    login(name, password),
    Buffer.from('\x05\x01\x00\x03\x11pay.corp.internal\x00\x50'),
  );
  t.same(answered.slice(0, 6), [5, 2, 1, 0, 5, 2], 'not its app');
});

t.test(
  'P30: root relays for others: its password counts, its word does not',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async (t) => {
    const ownerCheck = createOwnerCheck({ ...systemOwnerParts(), uid: 65_534 });
    const rig = await localRig(t, { ownerCheck });
    const { password } = rig.clients.add({ name, apps: ['wiki'] });
    const wiki = { host: 'wiki.corp.internal', path: 'http://wiki.corp.internal/' };
    t.equal((await ask(rig.port, { host: `wiki.localhost:${rig.port}` })).status, 403);
    t.equal((await ask(rig.port, wiki)).status, 407);
    const headers = { 'proxy-authorization': `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
    t.equal((await ask(rig.port, { ...wiki, headers })).status, 200);
  },
);

t.test("P30: a password that this user's own program shows counts for it too", async (t) => {
  const rig = await localRig(t);
  const { password } = rig.clients.add({ name, apps: ['wiki'] });
  const wiki = { host: 'wiki.corp.internal', path: 'http://wiki.corp.internal/' };
  const pay = { host: 'pay.corp.internal', path: 'http://pay.corp.internal/' };
  const shows = (secret: string) => ({
    'proxy-authorization': `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`,
  });
  t.equal((await ask(rig.port, { ...wiki, headers: shows(password) })).status, 200);
  t.equal((await ask(rig.port, { ...pay, headers: shows(password) })).status, 403);
  t.equal((await ask(rig.port, { ...wiki, headers: shows('wrong') })).status, 407);
  t.equal(
    (await ask(rig.port, { ...pay, headers: { 'proxy-authorization': 'Bearer x' } })).status,
    200,
    'of something else',
  );
  t.equal((await ask(rig.port, pay)).status, 200);
});

t.test('P30: strangers that prove nothing are few, of one source and of all', async (t) => {
  const strangers = new PendingStrangers();
  const from = (remoteAddress: string) =>
    Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
  const take = (count: number, address: string) => Array.from({ length: count }, () => strangers.take(from(address)));
  const first = take(33, '10.0.0.1');
  t.equal(first.indexOf(undefined), 32, 'of one source');
  t.equal(strangers.take(from('::ffff:10.0.0.1')), undefined, 'however its address is written');
  first[0]!();
  first[0]!();
  t.equal(take(2, '10.0.0.1').indexOf(undefined), 1, 'one has proven itself');
  for (const source of ['10.0.0.2', '10.0.0.3', '10.0.0.4']) t.notOk(take(32, source).includes(undefined));
  const leaves = from('10.0.0.5');
  t.equal(strangers.take(leaves), undefined, 'of all');
  for (const proven of first) proven?.();
  t.ok(strangers.take(leaves));
  leaves.destroy();
  await once(leaves, 'close');
});

t.test('P30: strangers that prove nothing cannot crowd out this user', async (t) => {
  let ownership: 'own' | 'unprovable' = 'unprovable';
  const rig = await localRig(t, { ownerCheck: async () => ownership });
  rig.clients.add({ name, apps: ['wiki'] });
  const idle = Array.from({ length: 40 }, () => new RawClient(t, rig.port));
  await Promise.any(idle.map((one) => one.rest()));
  ownership = 'own';
  t.equal((await ask(rig.port, { host: `wiki.localhost:${rig.port}` })).status, 200);
});

t.test('P30: an address for clients is one address, and a taken port there names its owner', async (t) => {
  for (const wrong of [
    '0.0.0.0',
    '::',
    '0:0:0:0:0:0:0:0',
    '127.0.0.1',
    '::1',
    'localhost',
    'bridge0',
    '10.0.0.0/8',
    '::ffff:0.0.0.0',
  ]) {
    await t.rejects(
      localRig(t, { clientAddresses: [wrong] }),
      { code: 'invalid-config', message: /clientAddresses/ },
      wrong,
    );
  }
  const absent = await localRig(t, { clientAddresses: ['203.0.113.77'] });
  t.notOk(
    absent.side.addresses().some(({ address }) => address.includes('203.0.113.77')),
    'one that is not there yet is waited for',
  );
});
