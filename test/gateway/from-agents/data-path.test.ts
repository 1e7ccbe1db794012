import { once } from 'node:events';
import t from 'tap';
import { type ClientOptions, WebSocket } from 'ws';
import { readJws, verifyJws } from '#shared/crypto/jws.ts';
import { httpApp, startTcpEcho, startWebApp, tcpApp } from '../../support/gateway-apps.ts';
import { ask, dial, open, raw, readUntil, whenClosed } from '../../support/gateway-client.ts';
import { startDataPath } from '../../support/start-data-path.ts';

const app = await startWebApp();
const echo = await startTcpEcho();
const gone = await startTcpEcho();
await gone.stop();
const gw = await startDataPath([
  httpApp(app.port, {
    identityHeaders: { 'X-User': 'person', 'X-Name': 'name', 'X-Groups': 'groups' },
    operations: { pages: 'GET /pages/**' },
  }),
  httpApp(gone.port, { id: 'gone', hosts: ['gone.corp.example'] }),
  tcpApp(echo.port),
]);
const { world, device, port, records } = gw;
t.teardown(async () => {
  await app.stop();
  await echo.stop();
});

t.test('a plain request reaches the app with an identity and without what the client claimed', async (t) => {
  const grant = world.grant(device);
  const answer = await ask(world, device, port, {
    path: '/pages/%61?q=%7e',
    grant,
    headers: {
      'x-user': 'root',
      x_user: 'root',
      'postern-identity': 'forged',
      'x-forwarded-for': '1.2.3.4',
      cookie: 'a=b',
      'sec-fetch-site': 'same-origin',
    },
  });
  t.equal(answer.status, 200);
  t.equal(answer.body, 'saw GET /pages/a?q=%7e');
  t.equal(answer.headers['postern-verdict'], undefined, 'an app cannot speak as the gateway');
  t.match(answer.headers['postern-trace'], /^[0-9a-f]{32}$/);
  const { headers } = app.seen.at(-1)!;
  t.equal(headers['postern-grant'], undefined);
  t.match(headers, {
    host: 'wiki.corp.example',
    'x-user': 'anna',
    'x-name': 'Anna %C3%81rva',
    'x-groups': 'staff',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'https',
    cookie: 'a=b',
  });
  const token = readJws(headers['postern-identity'] as string, { maxBytes: 4096, typ: 'postern-identity+jwt' });
  t.ok(verifyJws(token, gw.identityKey.publicKey));
  t.match(token.payload, { iss: 'spiffe://postern.test/gateway/gw-1', aud: 'wiki', sub: 'anna', device: device.id });

  const { trace } = records.opened.at(-1)!;
  t.equal(trace, answer.headers['postern-trace']);
  t.match(records.opened.at(-1), {
    phase: 'opening',
    verdict: 'allow',
    reasons: ['grant-valid'],
    person: 'anna',
    request: { method: 'GET', host: 'wiki.corp.example', path: '/pages/a', operation: 'pages' },
  });
  t.match(records.closed.at(-1), { phase: 'closing', opening: records.opened.at(-1)!.id, status: 200, bytesDown: 22 });
});

t.test('bodies and HEAD', async (t) => {
  const grant = world.grant(device);
  const posted = await ask(world, device, port, { method: 'POST', path: '/x', grant, body: 'hello' });
  t.equal(posted.status, 200);
  t.equal(app.seen.at(-1)!.body, 'hello');
  const head = await ask(world, device, port, { method: 'HEAD', path: '/x', grant });
  t.equal(head.status, 200);
  t.equal(app.seen.at(-1)!.method, 'HEAD');
});

t.test('Expect: 100-continue is answered after the gates', async (t) => {
  const head = (grant: string) =>
    `POST /x HTTP/1.1\r\nHost: wiki.corp.example\r\nPostern-Grant: ${grant}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n`;
  const socket = await dial(world, device, port);
  t.match(await raw(socket, head(world.grant(device))), /^HTTP\/1\.1 100 Continue/);
  socket.write('ok');
  t.match(await readUntil(socket, 'saw POST /x'), /^HTTP\/1\.1 200 OK/);
  socket.destroy();
  const refused = await dial(world, device, port);
  const answer = await raw(refused, head('nonsense'));
  t.match(answer, /^HTTP\/1\.1 401/);
  t.match(answer, /connection: close/i);
  refused.destroy();
});

t.test('an app that is away is named as such', async (t) => {
  const answer = await ask(world, device, port, {
    host: 'gone.corp.example',
    grant: world.grant(device, { app: 'gone' }),
  });
  t.match(answer, { status: 502, code: 'app-unreachable', headers: { 'postern-verdict': 'app-unreachable' } });
  t.match(records.closed.at(-1), { phase: 'closing', verdict: 'allow', details: { problem: 'app-unreachable' } });
});

t.test('a refusal is JSON for a script and a page for a person who navigates', async (t) => {
  const json = await ask(world, device, port, { path: '/a/../b', grant: world.grant(device) });
  t.match(json, { status: 400, code: 'request-refused', headers: { 'postern-verdict': 'request-refused' } });
  t.match(records.refused.at(-1), {
    verdict: 'deny',
    reasons: ['request-refused'],
    person: 'anna',
    trace: json.headers['postern-trace'],
  });
  const page = await ask(world, device, port, { headers: { accept: 'text/html,*/*', 'sec-fetch-mode': 'navigate' } });
  t.equal(page.status, 401);
  t.match(page.headers['content-type'], /^text\/html/);
  t.match(page.body, /grant-missing/);
  const script = await ask(world, device, port, { headers: { accept: 'text/html', 'sec-fetch-mode': 'cors' } });
  t.equal(script.code, 'grant-missing');
});

t.test('/.postern/hello is the gateway, on every host', async (t) => {
  const answer = await ask(world, device, port, { path: '/.postern/hello', host: 'nowhere.example' });
  t.same(JSON.parse(answer.body), { gateway: 'gw-1', site: 'main', state: 'fresh', device: device.id });
  t.equal((await ask(world, device, port, { path: '/.postern/other', grant: world.grant(device) })).code, 'not-found');
  t.equal((await ask(world, device, port, { path: '/.postern', grant: world.grant(device) })).code, 'not-found');
});

t.test('an idle connection serves many requests, each judged on its own', async (t) => {
  const socket = await dial(world, device, port);
  const head = (grant: string) => `GET /k HTTP/1.1\r\nHost: wiki.corp.example\r\nPostern-Grant: ${grant}\r\n\r\n`;
  const good = world.grant(device);
  socket.write(head(good));
  t.match(await readUntil(socket, 'saw GET /k'), /^HTTP\/1\.1 200/);
  socket.write(head('x'));
  t.match(await readUntil(socket, '"code":"grant-malformed"'), /^HTTP\/1\.1 401/);
  socket.write(head(good));
  t.match(await readUntil(socket, 'saw GET /k'), /^HTTP\/1\.1 200/);
  socket.destroy();
});

t.test('a tunnel carries bytes both ways and half-closes', async (t) => {
  const socket = await dial(world, device, port);
  const grant = world.grant(device, { app: 'db', act: 'connect' });
  const answer = await raw(
    socket,
    `CONNECT db.corp.example:5432 HTTP/1.1\r\nHost: db.corp.example:5432\r\nPostern-Grant: ${grant}\r\n\r\n`,
  );
  t.match(answer, /^HTTP\/1\.1 200 Connection Established\r\n/);
  socket.write('ping');
  t.equal(await readUntil(socket, 'ping'), 'ping');
  socket.end();
  await whenClosed(socket);
  await whenRecorded(records, 'db');
  t.match(records.closed.at(-1), { app: 'db', status: 200, bytesUp: 4, bytesDown: 4, details: { ended: 'complete' } });
});

t.test('a WebSocket is a pipe after the 101', async (t) => {
  const socket = await dialWebSocket();
  socket.send('hi');
  const [message] = (await once(socket, 'message')) as [Buffer];
  t.equal(message.toString(), 'echo hi');
  socket.close();
  await once(socket, 'close');
});

t.test('a stop ends what runs and every access has its closing record', async (t) => {
  await open(world, device, port, { path: '/events', grant: world.grant(device) });
  const opened = records.opened.length;
  await gw.stop();
  const closed = new Set(records.closed.map(({ opening }) => opening));
  t.equal(records.opened.length, opened);
  t.ok(records.opened.every(({ id }) => closed.has(id)));
});

async function dialWebSocket(changes = {}): Promise<WebSocket> {
  const under = await dial(world, device, port);
  const socket = new WebSocket('ws://wiki.corp.example/socket', {
    headers: { 'postern-grant': world.grant(device, changes) },
    createConnection: () => under,
  } as ClientOptions);
  await once(socket, 'open');
  return socket;
}

async function whenRecorded({ closed }: typeof records, id: string): Promise<void> {
  while (closed.at(-1)?.app !== id) await new Promise((resolve) => setImmediate(resolve));
}
