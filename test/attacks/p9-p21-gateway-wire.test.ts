/** What is sent to a gateway as raw bytes: smuggling, upgrades, tunnels. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import t from 'tap';
import { httpApp, startTcpEcho, startWebApp, tcpApp } from '../support/gateway-apps.ts';
import { ask, dial, raw, readUntil, whenClosed } from '../support/gateway-client.ts';
import { startDataPath } from '../support/start-data-path.ts';

const app = await startWebApp();
const echo = await startTcpEcho();
/** Answers whatever comes with `reply`. */
let reply = '';
const blunt = createServer((socket: Socket) => {
  socket.on('error', () => {});
  socket.once('data', () => socket.write(reply));
});
blunt.listen(0, '127.0.0.1');
await once(blunt, 'listening');
const gw = await startDataPath([
  httpApp(app.port),
  httpApp((blunt.address() as AddressInfo).port, { id: 'blunt', hosts: ['blunt.corp.example'] }),
  tcpApp(echo.port),
]);
const { world, device, port } = gw;
t.teardown(async () => {
  await gw.stop();
  await app.stop();
  await echo.stop();
  blunt.close();
});
const send = async (text: string) => {
  const socket = await dial(world, device, port);
  const answer = await raw(socket, text);
  return { socket, answer };
};
const lines = (...list: string[]) => `${list.join('\r\n')}\r\n\r\n`;

t.test('P9 heads that two parsers could read in two ways never reach the app', async (t) => {
  const grant = `Postern-Grant: ${world.grant(device)}`;
  const host = 'Host: wiki.corp.example';
  const heads: [string, string][] = [
    ['both lengths', lines('POST / HTTP/1.1', host, grant, 'Content-Length: 5', 'Transfer-Encoding: chunked')],
    ['two lengths', lines('POST / HTTP/1.1', host, grant, 'Content-Length: 5', 'Content-Length: 6')],
    ['a signed length', lines('POST / HTTP/1.1', host, grant, 'Content-Length: +5')],
    ['a coding before chunked', lines('POST / HTTP/1.1', host, grant, 'Transfer-Encoding: gzip, chunked')],
    [
      'chunked twice',
      lines('POST / HTTP/1.1', host, grant, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    ],
    ['a coding in HTTP/1.0', lines('POST / HTTP/1.0', host, grant, 'Transfer-Encoding: chunked')],
    ['a lookalike', lines('POST / HTTP/1.1', host, grant, 'Transfer_Encoding: chunked')],
    ['two hosts', lines('GET / HTTP/1.1', host, 'Host: hr.corp.example', grant)],
    ['a target on another host', lines('GET http://hr.corp.example/ HTTP/1.1', host, grant)],
    ['two grants', lines('GET / HTTP/1.1', host, grant, grant)],
    ['a folded line', lines('GET / HTTP/1.1', host, grant, 'X: a', ' b')],
    ['a bare line feed', `GET / HTTP/1.1\n${host}\n${grant}\n\n`],
    ['TRACE', lines('TRACE / HTTP/1.1', host, grant)],
    ['an asterisk', lines('OPTIONS * HTTP/1.1', host, grant)],
    ['no host', lines('GET / HTTP/1.1', grant)],
  ];
  const before = app.seen.length;
  for (const [what, head] of heads) {
    const { socket, answer } = await send(head);
    t.match(answer, /^HTTP\/1\.1 400 /, what);
    t.match(answer, /connection: close/i, `${what}: nothing behind it is read`);
    socket.destroy();
  }
  t.equal(app.seen.length, before);
});

t.test('P9 headers that pose as others are dropped on the way', async (t) => {
  await ask(world, device, port, {
    grant: world.grant(device),
    headers: {
      'x-http-method-override': 'DELETE',
      'x-original-url': '/admin',
      x_forwarded_for: '10.0.0.1',
      postern_identity: 'forged',
      forwarded: 'for=10.0.0.1',
      connection: 'x-secret, keep-alive',
      'x-secret': 'hop',
    },
  });
  const { headers } = app.seen.at(-1)!;
  for (const name of ['x-http-method-override', 'x-original-url', 'x_forwarded_for', 'postern_identity', 'x-secret'])
    t.notOk(name in headers, name);
  t.equal(headers.forwarded, 'for=127.0.0.1;host=wiki.corp.example;proto=https');
});

const upgrade = (changes: Record<string, string> = {}, path = '/socket', host = 'wiki.corp.example', app_ = 'wiki') => {
  const headers: Record<string, string> = {
    Host: host,
    'Postern-Grant': world.grant(device, { app: app_ }),
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...changes,
  };
  const list = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return lines(`GET ${path} HTTP/1.1`, ...list);
};

t.test('P21 only a WebSocket is an upgrade', async (t) => {
  const { socket, answer } = await send(upgrade());
  t.match(answer, /^HTTP\/1\.1 101 /);
  t.match(answer, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
  socket.destroy();
  const ordinary: Record<string, string>[] = [
    { Upgrade: 'h2c' },
    { 'Sec-WebSocket-Version': '8' },
    { 'Sec-WebSocket-Key': 'short' },
  ];
  for (const changes of ordinary) {
    const seen = app.seen.length;
    const other = await send(upgrade(changes, '/plain'));
    t.match(other.answer, /^HTTP\/1\.1 200 /, JSON.stringify(changes));
    t.equal(app.seen.length, seen + 1);
    t.equal(app.seen.at(-1)!.headers.upgrade, undefined, 'the app sees an ordinary request');
    other.socket.destroy();
  }
  t.match(
    (await send(upgrade({ Origin: 'https://evil.example' }))).answer,
    /^HTTP\/1\.1 403 [\s\S]*postern-verdict: cross-site/,
  );
  t.match(
    (await send(upgrade({ 'Postern-Grant': 'x' }))).answer,
    /^HTTP\/1\.1 401 [\s\S]*postern-verdict: grant-malformed/,
  );
});

t.test('P21 no pipe without the right 101', async (t) => {
  const accept = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
  const answers: [string, string, RegExp][] = [
    [
      'a wrong accept value',
      lines('HTTP/1.1 101 x', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: AAAA'),
      /^HTTP\/1\.1 502 /,
    ],
    ['another protocol', lines('HTTP/1.1 101 x', 'Upgrade: h2c', 'Connection: Upgrade', accept), /^HTTP\/1\.1 502 /],
    ['a refusal', `${lines('HTTP/1.1 403 no', 'Content-Length: 2')}no`, /^HTTP\/1\.1 403 /],
    ['an ordinary answer', `${lines('HTTP/1.1 200 ok', 'Content-Length: 2')}ok`, /^HTTP\/1\.1 200 /],
  ];
  for (const [what, text, want] of answers) {
    reply = text;
    const { socket, answer } = await send(upgrade({}, '/', 'blunt.corp.example', 'blunt'));
    t.match(answer, want, what);
    await whenClosed(socket);
    t.pass(`${what}: the connection has ended`);
  }
});

const connect = (target: string, changes: Record<string, unknown> = {}, ...more: string[]) =>
  lines(
    `CONNECT ${target} HTTP/1.1`,
    `Host: ${target}`,
    `Postern-Grant: ${world.grant(device, { app: 'db', act: 'connect', ...changes })}`,
    ...more,
  );

t.test('P21 CONNECT reaches the one host and port of its app', async (t) => {
  const cases: [string, string, string][] = [
    ['another port', connect('db.corp.example:22'), 'app-mismatch'],
    ['another host', connect('127.0.0.1:5432'), 'app-mismatch'],
    ['an HTTP app', connect('wiki.corp.example:443', { app: 'wiki' }), 'app-mismatch'],
    ['a grant for requests', connect('db.corp.example:5432', { act: 'request' }), 'action-mismatch'],
    ['no port', connect('db.corp.example'), 'request-refused'],
    ['a body', connect('db.corp.example:5432', {}, 'Content-Length: 4'), 'request-refused'],
    ['another Host', connect('db.corp.example:5432').replace('Host: db', 'Host: xx'), 'request-refused'],
    ['an expired grant', connect('db.corp.example:5432', { iat: 1, exp: 2 }), 'grant-expired'],
  ];
  for (const [what, head, code] of cases) {
    const { socket, answer } = await send(head);
    t.match(answer, new RegExp(`^HTTP/1\\.1 4\\d\\d [\\s\\S]*postern-verdict: ${code}\\r\\n`), what);
    await whenClosed(socket);
  }
  t.equal(echo.sockets.size, 0, 'the app has seen nothing');
});

t.test('P21 bytes sent behind a CONNECT wait for the gates', async (t) => {
  const good = await dial(world, device, port);
  good.write(`${connect('db.corp.example:5432')}early`);
  t.match(await readUntil(good, 'early'), /200 Connection Established[\s\S]*early$/);
  good.destroy();
  const bad = await dial(world, device, port);
  bad.write(`${connect('db.corp.example:22')}GET / HTTP/1.1\r\n\r\n`);
  const answer = await readUntil(bad, 'app-mismatch');
  t.notMatch(answer, /HTTP\/1\.1 200/);
  await whenClosed(bad);
});
