/**
 * P18: a grant for one use lets one request through, whatever its holder tries. Over a real data path with real mutual TLS and the files
 * that remember uses; what the app saw is what is counted. Kills are in p18-once-kill.test.ts.
 */
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { type ExactRequest, type GrantClaims, rulesVersion } from '#shared/contracts/grant.ts';
import { UseFiles, useFolderOf } from '../../gateway/records/use-files.ts';
import { httpApp, startTcpEcho, startWebApp, tcpApp } from '../support/gateway-apps.ts';
import { type Asked, ask, dial, open, readUntil, whenClosed } from '../support/gateway-client.ts';
import { gatewayId, MemorySink } from '../support/gateway-world.ts';
import { startDataPath } from '../support/start-data-path.ts';
import { askBy } from '../support/ways-in.ts';

const host = 'wiki.corp.example';
const post: ExactRequest = { method: 'POST', host, path: '/export', query: 'year=2026' };
const toExport = { method: 'POST', path: '/export?year=2026' } as const;
const any: GrantClaims['rules'] = { v: rulesVersion, permits: [{ p: 0 }], forbids: [] };
const only = (exact: ExactRequest): GrantClaims['rules'] => ({
  v: rulesVersion,
  exact,
  permits: [{ p: 0 }],
  forbids: [],
});

/** A gateway whose memory is old enough to vouch for every grant. */
async function begin(t: Test, port?: number) {
  const app = await startWebApp();
  const echo = await startTcpEcho();
  const dir = t.testdir({ used: {} });
  const apps = [
    httpApp(port ?? app.port, { operations: { export: 'POST /export' }, once: ['export'] }),
    httpApp(app.port, { id: 'hr', hosts: ['hr.corp.example'] }),
    tcpApp(echo.port),
  ];
  const path = (records = new MemorySink()) =>
    startDataPath(apps, {}, '/nowhere', records, new UseFiles(useFolderOf(dir)));
  const gw = await path();
  t.teardown(async () => {
    await gw.stop();
    await app.stop();
    await echo.stop();
  });
  const grant = (changes: Partial<GrantClaims> = {}) =>
    gw.world.grant(gw.device, { use: 'once', aud: gatewayId, rules: only(post), ...changes });
  const send = (text: string, asked: Asked = toExport) => ask(gw.world, gw.device, gw.port, { ...asked, grant: text });
  return { gw, app, dir, grant, send };
}

t.test('P18 the second use is refused, says what to do, and is on record', async (t) => {
  const { gw, app, dir, grant, send } = await begin(t);
  const text = grant({ jti: 'gr_0000000001', exp: Math.floor(Date.now() / 1000) + 30 });
  t.equal((await send(text)).status, 200);
  const [name] = readdirSync(useFolderOf(dir));
  t.match(name, /^\d+\.gr_0000000001$/, 'on the disk, by its end and its name');
  const again = await send(text);
  t.match(again, { status: 403, code: 'grant-used' });
  t.match(JSON.parse(again.body), { next: 'renew' });
  t.notMatch(JSON.parse(again.body), { forwarded: true }, 'the app has not had this one');
  t.equal(app.seen.length, 1);
  const [opening] = gw.records.opened;
  t.match(opening, { grant: 'gr_0000000001', verdict: 'allow', details: { use: 'once' } });
  t.match(gw.records.closed[0], { details: { use: 'once', ended: 'complete' } });
  t.match(gw.records.refused[0], { verdict: 'deny', reasons: ['grant-used'], grant: 'gr_0000000001' });
});

t.test('P18 two at the same instant, and twenty: one goes on', async (t) => {
  const { gw, app, grant } = await begin(t);
  for (const many of [2, 20]) {
    app.seen.length = 0;
    const text = grant();
    const sockets = await Promise.all(Array.from({ length: many }, () => dial(gw.world, gw.device, gw.port)));
    const head = `POST /export?year=2026 HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\nPostern-Grant: ${text}\r\n\r\n`;
    for (const socket of sockets) socket.write(head);
    const statuses = await Promise.all(
      sockets.map(async (socket) => (await readUntil(socket, '\r\n\r\n')).split(' ')[1]),
    );
    for (const socket of sockets) socket.destroy();
    t.equal(statuses.filter((status) => status === '200').length, 1, `${many} at once`);
    t.equal(statuses.filter((status) => status === '403').length, many - 1);
    t.equal(app.seen.length, 1);
  }
});

t.test('P18 pipelined on one connection: one goes on', async (t) => {
  const { gw, app, grant } = await begin(t);
  const socket = await dial(gw.world, gw.device, gw.port);
  const head = `POST /export?year=2026 HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\nPostern-Grant: ${grant()}\r\n`;
  socket.write(`${head}\r\n${head}\r\n${head}Connection: close\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  t.same(
    [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['200', '403', '403'],
  );
  t.equal(app.seen.length, 1);
});

t.test('P18 for this request and no other, which leaves it unused', async (t) => {
  const { gw, app, grant, send } = await begin(t);
  const text = grant();
  const other = { 'rules-refused': 0, 'app-mismatch': 0 };
  const tries: [keyof typeof other, Asked][] = [
    ['rules-refused', { ...toExport, method: 'PUT' }],
    ['rules-refused', { ...toExport, method: 'GET' }],
    ['rules-refused', { ...toExport, method: 'HEAD' }],
    ['rules-refused', { ...toExport, path: '/export' }],
    ['rules-refused', { ...toExport, path: '/export?year=2026&all=1' }],
    ['rules-refused', { ...toExport, path: '/export?year=2025' }],
    ['rules-refused', { ...toExport, path: '/export/?year=2026' }],
    ['app-mismatch', { ...toExport, host: 'hr.corp.example' }],
  ];
  for (const [code, asked] of tries) {
    const answer = await send(text, asked);
    t.equal(answer.headers['postern-verdict'], code, `${asked.method} ${asked.host ?? ''}${asked.path}`);
  }
  const connect = await askBy('connect', gw, { grant: text });
  t.equal(connect.verdict, 'app-mismatch');
  t.equal(app.seen.length, 0);
  t.equal((await send(text)).status, 200, 'then what it is for');
});

t.test('P9, P18 HEAD is judged as GET, so it uses the grant up', async (t) => {
  const { app, grant, send } = await begin(t);
  const text = grant({ rules: only({ method: 'GET', host, path: '/report', query: '' }) });
  t.equal((await send(text, { method: 'HEAD', path: '/report' })).status, 200);
  t.equal((await send(text, { method: 'GET', path: '/report' })).code, 'grant-used');
  t.equal(app.seen.length, 1);
});

t.test('P18 a grant for many never serves what the app wants granted one by one', async (t) => {
  const { gw, app, send } = await begin(t);
  const many = gw.world.grant(gw.device);
  t.equal((await send(many, { path: '/export' })).status, 200, 'GET is another operation');
  t.match(await send(many), { status: 403, code: 'once-needed' });
  t.match(await send(gw.world.grant(gw.device, { rules: only(post) })), { code: 'once-needed' }, 'nor an exact one');
  t.equal(app.seen.length, 1);
});

t.test('P18 at another gateway it is nothing', async (t) => {
  const { app, grant, send } = await begin(t);
  t.equal((await send(grant({ aud: 'gw-2' }))).code, 'grant-audience');
  t.equal((await send(grant({ aud: 'main' }))).code, 'grant-audience', 'nor by the name of the site');
  t.equal(app.seen.length, 0);
});

t.test('P18 an app that breaks off has had it: nobody tries again', async (t) => {
  let heard = 0;
  const server = createServer((req) => {
    heard += 1;
    req.socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { grant, send } = await begin(t, (server.address() as AddressInfo).port);
  const text = grant();
  const answer = await send(text);
  t.match(answer, { status: 502, code: 'app-unreachable' });
  t.match(JSON.parse(answer.body), { forwarded: true }, 'the agent is told that the app may have had it');
  t.equal((await send(text)).code, 'grant-used');
  t.equal(heard, 1);
});

t.test('P18, P24 what cannot be written is not given', async (t) => {
  const { gw, app, dir, grant, send } = await begin(t);
  rmSync(useFolderOf(dir), { recursive: true });
  const text = grant();
  t.match(await send(text), { status: 503, code: 'record-failed' });
  t.match(gw.records.refused[0], { reasons: ['record-failed'] });
  mkdirSync(useFolderOf(dir));
  gw.records.failing = true;
  t.match(await send(text), { status: 503, code: 'record-failed' }, 'no record, no access');
  gw.records.failing = false;
  t.equal((await send(text)).code, 'grant-used', 'and it is used up: whether the app had it is not asked again');
  t.equal(app.seen.length, 0);
});

t.test('P16, P18 revoked while its use is written, it does not go on', async (t) => {
  const { gw, app, grant, send } = await begin(t);
  gw.records.beforeOpen = () => void gw.revoke('person', 'anna');
  t.equal((await send(grant())).code, 'grant-revoked');
  t.equal(app.seen.length, 0);
});

t.test('P15, P18 a WebSocket by a grant for one use goes on only by another for the same request', async (t) => {
  const { gw, grant } = await begin(t);
  const socketRules = only({ method: 'GET', host, path: '/socket', query: '' });
  const text = grant({ jti: 'gr_0000000010', rules: socketRules });
  const { device, world, port } = gw;
  const connection = await dial(world, device, port);
  const socket = new WebSocket(`ws://${host}/socket`, {
    createConnection: () => connection,
    headers: { 'postern-grant': text },
  });
  await once(socket, 'open');
  t.equal((await askBy('upgrade', gw, { grant: text })).verdict, 'grant-used', 'no second WebSocket');

  const renew = async (...grants: string[]) =>
    JSON.parse(
      (await ask(world, device, port, { method: 'POST', path: '/.postern/grants', body: JSON.stringify({ grants }) }))
        .body,
    );
  const refused = (...codes: string[]) => ({ renewed: 0, refused: codes.map((code, index) => ({ index, code })) });
  const later = { exp: Math.floor(Date.now() / 1000) + 200, rules: socketRules };
  t.same(await renew(text), refused('grant-used'), 'nor by the one it began with');
  t.same(await renew(world.grant(device, later)), { renewed: 0, refused: [] }, 'a grant for many renews nothing here');
  t.same(await renew(grant({ ...later, aud: 'gw-2' })), refused('grant-audience'));
  t.same(await renew(grant({ ...later, rules: any })), refused('rules-unknown'));
  t.same(await renew(grant({ ...later, rules: only(post) })), refused('rules-refused'), 'another request');

  const [next, other] = [grant({ ...later, jti: 'gr_0000000011' }), grant(later)];
  t.same(await renew(next), { renewed: 1, refused: [] });
  t.same(await renew(next), refused('grant-used'), 'renewing uses it up');
  t.equal((await askBy('upgrade', gw, { grant: next })).verdict, 'grant-used', 'for opening another one too');
  t.same(
    await renew(other, 'x', other),
    {
      renewed: 1,
      refused: [
        { index: 1, code: 'grant-malformed' },
        { index: 2, code: 'grant-used' },
      ],
    },
    'twice in one list',
  );

  gw.pass(100_000);
  socket.send('still');
  t.equal(String((await once(socket, 'message'))[0]), 'echo still', 'past the end of the first grant');
  const closed = once(socket, 'close');
  gw.revoke('grant', 'gr_0000000011');
  await closed;
  t.pass('each grant it lived on can take it back');
});

t.test('P15, P18 without another it is cut when its grant has ended', async (t) => {
  const { gw, grant } = await begin(t);
  const text = grant({ rules: only({ method: 'GET', host, path: '/events', query: '' }) });
  const { response, socket } = await open(gw.world, gw.device, gw.port, { path: '/events', grant: text });
  response.on('error', () => {});
  await once(response, 'data');
  const closed = whenClosed(socket);
  gw.pass(66_000);
  await closed;
  t.match(gw.records.closed[0], { reasons: ['stream-cut'], details: { use: 'once' } });
});

t.test('P18 a TCP app: one connection', async (t) => {
  const { gw, grant } = await begin(t);
  const text = grant({ app: 'db', act: 'connect', rules: any });
  t.equal((await askBy('connect', gw, { grant: text })).status, 200);
  t.equal((await askBy('connect', gw, { grant: text })).verdict, 'grant-used');
});
