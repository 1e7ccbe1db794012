/** HTTP proxy, PAC file, SOCKS 5 and local ports: this person's apps and nothing else. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { pacText } from '../../../client-agent/from-apps/pac-file.ts';
import { needs } from '../../support/programs.ts';
import { ask, type LocalRigOptions, localRig, RawClient } from './local-rig.ts';

const run = promisify(execFile);

/** A rig whose TCP app sends back what it gets, in capitals, and ends after its client. */
async function rigWithTcp(t: Test, more: LocalRigOptions = {}) {
  const sockets: Socket[] = [];
  const app = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('data', (chunk) => socket.write(chunk.toString('latin1').toUpperCase()));
    socket.on('end', () => socket.end('BYE'));
    socket.on('error', () => {});
  });
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  t.teardown(() => {
    app.close();
    for (const socket of sockets) socket.destroy();
  });
  return localRig(t, { tcpApp: (app.address() as AddressInfo).port, socks: true, ...more });
}

const connectTo = (place: string, more = '') => `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n${more}\r\n`;

t.test('absolute form reaches an app by its real name', async (t) => {
  const rig = await localRig(t);
  const answer = await ask(rig.port, { host: 'wiki.corp.internal', path: 'http://wiki.corp.internal/a?b' });
  t.equal(answer.body, 'from the app');
  t.match(rig.got, [{ url: '/a?b', headers: { host: 'wiki.corp.internal', 'postern-grant': 'grant-1' } }]);
  await ask(rig.port, { host: 'notes.corp.internal', path: 'http://notes.corp.internal' });
  t.match(rig.got[1], { url: '/', headers: { host: 'notes.corp.internal' } });
  t.same(rig.core.asked[1]!.exact?.host, 'notes.corp.internal');
});

t.test('absolute form reaches nothing else', async (t) => {
  const rig = await localRig(t);
  const refused = async (host: string, url: string, code: string) => {
    const answer = await ask(rig.port, { host, path: url });
    t.match(JSON.parse(answer.body), { code }, url);
  };
  await refused('example.com', 'http://example.com/', 'not-allowed');
  await refused('127.0.0.1:22', 'http://127.0.0.1:22/', 'not-allowed');
  await refused('db.corp.internal:5432', 'http://db.corp.internal:5432/', 'not-allowed');
  await refused('wiki.corp.internal:8080', 'http://wiki.corp.internal:8080/', 'not-allowed');
  await refused('wiki.corp.internal', 'https://wiki.corp.internal/', 'not-allowed');
  await refused(`wiki.localhost:${rig.port}`, `http://wiki.localhost:${rig.port}/`, 'not-allowed');
  await refused('wiki.corp.internal', 'http://pay.corp.internal/', 'request-refused');
  rig.core.signedIn = false;
  rig.core.list = [];
  await refused('wiki.corp.internal', 'http://wiki.corp.internal/', 'session-required');
  t.equal(rig.got.length, 0);
});

t.test('CONNECT to a TCP app is a tunnel, half-closed like the connection behind it', async (t) => {
  const rig = await rigWithTcp(t);
  const client = new RawClient(t, rig.port).send(`${connectTo('db.corp.internal:5432')}early`);
  await client.until((text) => text.endsWith('EARLY'));
  const before = rig.core.activities;
  client.socket.end(' late');
  t.match(await client.rest(), /^HTTP\/1.1 200 [^\r]*\r\n\r\nEARLY LATEBYE$/);
  t.ok(rig.core.activities > before);
});

t.test('CONNECT to port 80 of an HTTP app is HTTP inside', async (t) => {
  const rig = await localRig(t);
  const client = new RawClient(t, rig.port);
  client.send(`${connectTo('wiki.corp.internal:80')}GET /first HTTP/1.1\r\nHost: wiki.corp.internal\r\n\r\n`);
  await client.until((text) => text.includes('from the app'));
  client.send('GET /second HTTP/1.1\r\nHost: wiki.corp.internal:80\r\nConnection: close\r\n\r\n');
  await client.rest();
  t.match(
    rig.got.map(({ url, headers }) => `${headers.host}${url}`),
    ['wiki.corp.internal/first', 'wiki.corp.internal/second'],
  );

  const other = new RawClient(t, rig.port).send(connectTo('wiki.corp.internal:80'));
  other.send('GET / HTTP/1.1\r\nHost: pay.corp.internal\r\nConnection: close\r\n\r\n');
  t.match(await other.rest(), /"reason":"host-mismatch"/);
  t.equal(rig.got.length, 2);
});

t.test('CONNECT elsewhere is refused with a reason', async (t) => {
  const rig = await rigWithTcp(t);
  const answer = (place: string, more = '') => new RawClient(t, rig.port).send(connectTo(place, more)).rest();
  t.match(await answer('example.com:443'), /^HTTP\/1.1 403 [\s\S]*This proxy reaches your apps and nothing else/);
  t.match(await answer('wiki.corp.internal:443'), /^HTTP\/1.1 403 [\s\S]*without https/);
  t.match(await answer('db.corp.internal:22'), /^HTTP\/1.1 403 /);
  t.match(await answer('127.0.0.1:5432'), /^HTTP\/1.1 403 /);
  t.match(await answer('db.corp.internal:5432', 'Postern-Grant: x\r\n'), /^HTTP\/1.1 400 [\s\S]*reserved-header/);
  rig.core.refusals.push(new PosternError('app-unreachable'));
  t.match(await answer('db.corp.internal:5432'), /^HTTP\/1.1 502 [\s\S]*"code":"app-unreachable"/);
});

t.test('curl and git know the proxy', needs('curl', 'git'), async (t) => {
  const rig = await localRig(t);
  const proxy = `http://127.0.0.1:${rig.port}`;
  t.equal((await run('curl', ['-sS', '-x', proxy, 'http://wiki.corp.internal/x'])).stdout, 'from the app');
  t.equal((await run('curl', ['-sS', '-p', '-x', proxy, 'http://wiki.corp.internal/y'])).stdout, 'from the app');
  const git = run('git', ['-c', `http.proxy=${proxy}`, 'ls-remote', 'http://wiki.corp.internal/repo.git']);
  await git.catch(() => {});
  t.match(
    rig.got.map(({ url }) => url),
    ['/x', '/y', '/repo.git/info/refs?service=git-upload-pack'],
  );
});

t.test("the PAC file sends this person's hosts to the proxy", async (t) => {
  const find = (url: string, host: string) => {
    const context = { result: '' };
    runInNewContext(
      `${pacText(['wiki.corp.internal'], 7070)}; result = FindProxyForURL(${JSON.stringify(url)}, ${JSON.stringify(host)})`,
      context,
    );
    return context.result;
  };
  t.equal(find('http://wiki.corp.internal/', 'wiki.corp.internal'), 'PROXY 127.0.0.1:7070');
  t.equal(find('https://WIKI.corp.internal/', 'WIKI.corp.internal'), 'PROXY 127.0.0.1:7070');
  t.equal(find('http://example.com/', 'example.com'), 'DIRECT');
  t.equal(find('http://constructor/', 'constructor'), 'DIRECT');
});

const greeting = Buffer.from([5, 1, 0]);
const socksConnect = (host: string, port: number, command = 1) =>
  Buffer.concat([
    Buffer.from([5, command, 0, 3, host.length]),
    Buffer.from(host),
    Buffer.from([port >> 8, port & 255]),
  ]);

t.test('SOCKS 5 to a TCP app, in one piece and byte by byte', async (t) => {
  const rig = await rigWithTcp(t);
  const all = Buffer.concat([greeting, socksConnect('db.corp.internal', 5432), Buffer.from('early')]);
  const client = new RawClient(t, rig.side.ports.socks!).send(all);
  await client.until((text) => text.endsWith('EARLY'));
  client.socket.end();
  t.same((await client.rest()).slice(0, 12), '\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00');

  const slow = new RawClient(t, rig.side.ports.socks!);
  slow.socket.setNoDelay(true);
  for (const byte of all) {
    slow.send(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.match(await slow.until((text) => text.endsWith('EARLY')), /EARLY$/);
});

t.test('SOCKS 5 to an HTTP app speaks HTTP inside', needs('curl'), async (t) => {
  const rig = await localRig(t, { socks: true });
  const proxy = `socks5h://127.0.0.1:${rig.side.ports.socks}`;
  t.equal((await run('curl', ['-sS', '-x', proxy, 'http://wiki.corp.internal/x'])).stdout, 'from the app');
  t.match(rig.got, [{ url: '/x', headers: { host: 'wiki.corp.internal' } }]);
});

t.test('SOCKS 5 says no in its own words', async (t) => {
  const rig = await rigWithTcp(t);
  const answer = async (...parts: Buffer[]) => {
    const client = new RawClient(t, rig.side.ports.socks!).send(Buffer.concat(parts));
    await client.rest();
    return [...client.bytes];
  };
  const reply = async (request: Buffer) => (await answer(greeting, request))[3];
  t.equal(await reply(socksConnect('example.com', 443)), 2);
  t.equal(await reply(socksConnect('wiki.corp.internal', 443)), 2);
  t.equal(await reply(socksConnect('db.corp.internal', 5432, 2)), 7, 'BIND');
  t.equal(await reply(socksConnect('db.corp.internal', 5432, 3)), 7, 'UDP');
  t.equal(await reply(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, 0, 80])), 8, 'an IPv4 address');
  t.equal(await reply(Buffer.concat([Buffer.from([5, 1, 0, 4]), Buffer.alloc(18)])), 8, 'an IPv6 address');
  rig.core.refusals.push(new PosternError('app-unreachable'));
  t.equal(await reply(socksConnect('db.corp.internal', 5432)), 5);
  rig.core.refusals.push(new PosternError('not-allowed'));
  t.equal(await reply(socksConnect('db.corp.internal', 5432)), 2);
  t.same(await answer(Buffer.from([5, 1, 2])), [5, 255], 'only with a password');
  t.same(await answer(Buffer.from([4, 1, 0, 80, 127, 0, 0, 1, 0])), [], 'SOCKS 4');
  t.same(await answer(Buffer.from('GET / HTTP/1.1\r\n\r\n')), []);
});

t.test('a local port of a TCP app', async (t) => {
  const rig = await rigWithTcp(t);
  const local = await rig.side.openPort('db', 0);
  const client = new RawClient(t, local.port).send('hello');
  t.equal(await client.until((text) => text.endsWith('HELLO')), 'HELLO');
  t.match(rig.core.asked, [{ app: 'db', hold: true }]);
  rig.core.refusals.push(new PosternError('not-allowed'));
  t.equal(await new RawClient(t, local.port).send('hello').rest(), '');
  await t.rejects(rig.side.openPort('wiki', 0), { code: 'not-allowed' });
  await t.rejects(rig.side.openPort('db', local.port), { code: 'conflict' });
  await local.stop();
  t.equal(await client.rest(), 'HELLO', 'its connections end with it');
});
