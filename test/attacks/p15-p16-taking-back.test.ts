/** Taking back what runs, and the races around it. */
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { type ClientOptions, WebSocket } from 'ws';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { httpApp, startTcpEcho, startWebApp, tcpApp } from '../support/gateway-apps.ts';
import { ask, dial, open, raw, readUntil, whenClosed } from '../support/gateway-client.ts';
import { gatewayId } from '../support/gateway-world.ts';
import { startDataPath } from '../support/start-data-path.ts';

const app = await startWebApp();
const echo = await startTcpEcho();
t.teardown(async () => {
  await app.stop();
  await echo.stop();
});
const start = async (t: { teardown(stop: () => unknown): void }) => {
  const gw = await startDataPath([httpApp(app.port), tcpApp(echo.port)]);
  t.teardown(() => gw.stop());
  const { world, device, port } = gw;
  const run = {
    async sse(changes: Partial<GrantClaims> = {}): Promise<TLSSocket> {
      const { response, socket } = await open(world, device, port, {
        path: '/events',
        grant: world.grant(device, changes),
      });
      response.on('error', () => {});
      await once(response, 'data');
      return socket;
    },
    async webSocket(changes: Partial<GrantClaims> = {}): Promise<TLSSocket> {
      const under = await dial(world, device, port);
      const socket = new WebSocket('ws://wiki.corp.example/socket', {
        headers: { 'postern-grant': world.grant(device, changes) },
        createConnection: () => under,
      } as ClientOptions);
      socket.on('error', () => {});
      await once(socket, 'open');
      return under;
    },
    async tunnel(changes: Partial<GrantClaims> = {}): Promise<TLSSocket> {
      const socket = await dial(world, device, port);
      const grant = world.grant(device, { app: 'db', act: 'connect', ...changes });
      await raw(
        socket,
        `CONNECT db.corp.example:5432 HTTP/1.1\r\nHost: db.corp.example:5432\r\nPostern-Grant: ${grant}\r\n\r\n`,
      );
      socket.write('ping');
      await readUntil(socket, 'ping');
      return socket;
    },
  };
  return { gw, world, device, port, run };
};

const ways: [kind: string, id: string][] = [
  ['person', 'anna'],
  ['device', 'dev_00000001'],
  ['session', 'ses_0000000001'],
  ['grant', 'gr_known000'],
  ['everything', ''],
];
for (const [kind, id] of ways) {
  t.test(`P13 P16 a revocation by ${kind} cuts SSE, WebSocket and tunnel and nobody else`, async (t) => {
    const { gw, run } = await start(t);
    const jti = 'gr_known000';
    const cut = [await run.sse({ jti }), await run.webSocket({ jti }), await run.tunnel({ jti })];
    const other = { sub: 'bert', sid: 'ses_0000000002', did: 'dev_00000001' };
    const spared = kind === 'device' || kind === 'everything' ? [] : [await run.sse(other)];
    const ended = cut.map(whenClosed);
    t.equal(gw.revoke(kind, id), 3);
    await Promise.all(ended);
    for (const socket of spared) t.notOk(socket.destroyed || socket.readableEnded);
    t.equal(gw.revoke(kind, id), 0, 'what is cut is not cut again');
    const late = await ask(gw.world, gw.device, gw.port, { grant: gw.world.grant(gw.device, { jti }) });
    t.equal(late.code, 'grant-revoked', 'and its grants open nothing');
    const newer = await ask(gw.world, gw.device, gw.port, { grant: gw.world.grant(gw.device, { seen: 12 }) });
    t.equal(newer.status, 200, 'a grant that was decided later does');
  });
}

t.test('P13 a revocation by app leaves other apps alone', async (t) => {
  const { gw, run } = await start(t);
  const [sse, tunnel] = [await run.sse(), await run.tunnel()];
  t.equal(gw.revoke('app', 'db'), 1);
  await whenClosed(tunnel);
  t.notOk(sse.destroyed || sse.readableEnded);
});

t.test('P2 a denied device loses its connections and its streams', async (t) => {
  const { gw, world, device, port, run } = await start(t);
  const idle = await dial(world, device, port);
  const sse = await run.sse();
  const ended = [whenClosed(idle), whenClosed(sse)];
  t.equal(gw.change({ kind: 'deny', id: `device/${device.id}` }), 1);
  await Promise.all(ended);
  await t.rejects(ask(world, device, port, { grant: world.grant(device) }));
});

t.test('P14 P20 a raised floor, a withdrawn key and an app that is gone cut', async (t) => {
  const { gw, world, device, port, run } = await start(t);
  await run.sse();
  t.equal(gw.change({ kind: 'floor', floors: [{ app: 'wiki', epoch: 4 }] }), 1);
  t.equal((await ask(world, device, port, { grant: world.grant(device) })).code, 'grant-below-floor');
  const grant = world.grant(device, { epoch: 4 });
  t.equal((await ask(world, device, port, { grant })).status, 200);
  await run.tunnel();
  t.equal(gw.change({ kind: 'app-gone', id: 'db' }), 1);
  await run.sse({ epoch: 4 });
  t.equal(gw.change({ kind: 'keys', keys: [] }), 1);
  t.equal((await ask(world, device, port, { grant })).code, 'grant-revoked', 'a cached grant counts for nothing');
  t.equal(gw.unknownKeys(), 0, 'nobody has to be asked: it is known to be withdrawn');
  const strange = world.grant(device, { epoch: 4, kid: 'key-of-tomorrow' });
  t.equal((await ask(world, device, port, { grant: strange })).code, 'grant-key-unknown');
  t.equal(gw.unknownKeys(), 1, 'the stream is asked');
});

t.test('P16 what is taken back while its record is written never reaches the app', async (t) => {
  const { gw, world, device, port } = await start(t);
  const before = app.seen.length;
  gw.records.beforeOpen = () => {
    gw.revoke('person', 'anna');
  };
  const answer = await ask(world, device, port, { path: '/never', grant: world.grant(device) });
  t.equal(answer.code, 'grant-revoked');
  t.equal(app.seen.length, before);
});

t.test('P24 no record, no access', async (t) => {
  const { gw, world, device, port } = await start(t);
  gw.records.failing = true;
  const before = app.seen.length;
  t.equal((await ask(world, device, port, { grant: world.grant(device) })).code, 'record-failed');
  const socket = await dial(world, device, port);
  const grant = world.grant(device, { app: 'db', act: 'connect' });
  const answer = await raw(
    socket,
    `CONNECT db.corp.example:5432 HTTP/1.1\r\nHost: db.corp.example:5432\r\nPostern-Grant: ${grant}\r\n\r\n`,
  );
  t.match(answer, /^HTTP\/1\.1 503/);
  t.equal(app.seen.length, before);
  t.equal(echo.sockets.size, 0);
});

t.test('P15 streams outlive their grant only by the next one', async (t) => {
  const { gw, world, device, port, run } = await start(t);
  const renew = async (...grants: string[]) =>
    JSON.parse(
      (await ask(world, device, port, { method: 'POST', path: '/.postern/grants', body: JSON.stringify({ grants }) }))
        .body,
    );
  const [kept, dropped] = [await run.sse({ jti: 'gr_first000' }), await run.webSocket({ sub: 'bert' })];
  gw.pass(50_000);
  const later = Math.floor(Date.now() / 1000) + 50;
  const next = { iat: later, exp: later + 60 };
  t.same(await renew(world.grant(device, next)), { renewed: 1, refused: [] });
  const ended = whenClosed(dropped);
  gw.pass(14_000);
  t.equal(
    (await ask(world, device, port, { grant: world.grant(device) })).code,
    'grant-expired',
    'the grace admits nothing',
  );
  gw.pass(2000);
  await ended;
  t.notOk(kept.destroyed || kept.readableEnded, 'the renewed one goes on');
  const jti = 'gr_second00';
  t.same(await renew(world.grant(device, { ...next, exp: later + 70, jti })), { renewed: 1, refused: [] });
  const cut = whenClosed(kept);
  t.equal(gw.revoke('grant', 'gr_first000'), 1, 'revoking any grant it has lived on cuts it');
  await cut;
});

t.test('P15 a grant renews nothing that it does not allow', async (t) => {
  const { world, device, port, run, gw } = await start(t);
  await run.sse();
  const renew = async (grant: string, as = device) =>
    JSON.parse(
      (
        await ask(world, as, port, {
          method: 'POST',
          path: '/.postern/grants',
          body: JSON.stringify({ grants: [grant] }),
        })
      ).body,
    );
  const exact = (path: string) => ({
    v: 2 as const,
    exact: { method: 'GET', host: 'wiki.corp.example', path, query: '' },
    permits: [{ p: 0 }],
    forbids: [],
  });
  const refused = (code: string) => ({ renewed: 0, refused: [{ index: 0, code }] });
  t.same(await renew(world.grant(device, { rules: exact('/other') })), refused('rules-refused'));
  t.same(await renew(world.grant(device, { rules: exact('/events') })), { renewed: 1, refused: [] });
  const left = (permit: unknown, ...forbids: unknown[]): GrantClaims['rules'] => ({
    v: 2,
    permits: [{ p: 0, if: permit as never }],
    forbids: forbids.map((form, at) => ({ p: at + 1, if: form as never })),
  });
  const path = (like: string) => ['like', ['c', 'request', 'path'], like, 0];
  const from = (range: string) => ['isInRange', ['c', 'network', 'address'], ['ip', range]];
  t.same(await renew(world.grant(device, { rules: left(path('/ev')) })), { renewed: 1, refused: [] });
  t.same(await renew(world.grant(device, { rules: left(path('/other')) })), refused('rules-refused'));
  t.same(await renew(world.grant(device, { rules: left(true, path('/ev')) })), refused('rules-refused'));
  t.same(await renew(world.grant(device, { rules: left(from('10.0.0.0/8')) })), refused('rules-refused'), 'from here');
  t.same(await renew(world.grant(device, { rules: left(['frobnicate']) })), refused('rules-unknown'));
  t.same(await renew(world.grant(device, { sub: 'bert' })), { renewed: 0, refused: [] }, 'another person');
  t.same(await renew(world.grant(device, { sid: 'ses_0000000009' })), { renewed: 0, refused: [] }, 'another session');
  t.same(await renew(world.grant(device, { app: 'db' })), { renewed: 0, refused: [] }, 'another app');
  const thief = await world.leaf('device', 'dev_00000666');
  t.same(await renew(world.grant(device), thief), refused('grant-binding'), 'another device');
  const forOne = { use: 'once', aud: gatewayId, rules: exact('/events') } as const;
  t.same(
    await renew(world.grant(device, forOne)),
    { renewed: 0, refused: [] },
    'for one use, what began by one for many',
  );
  t.same(await renew(world.grant(device, { aud: 'elsewhere' })), refused('grant-audience'));
  t.same(await renew('x'), refused('grant-malformed'));
  gw.revoke('session', 'ses_0000000001');
  t.same(await renew(world.grant(device)), refused('grant-revoked'));
});

t.test('P15 a web page cannot renew, and a body is capped', async (t) => {
  const { world, device, port } = await start(t);
  const post = { method: 'POST', path: '/.postern/grants' };
  const page = await ask(world, device, port, {
    ...post,
    body: '{}',
    headers: { origin: 'https://wiki.corp.example' },
  });
  t.equal(page.code, 'cross-site');
  t.equal((await ask(world, device, port, { ...post, body: '{}' })).code, 'bad-request');
  t.equal((await ask(world, device, port, { ...post, body: 'x'.repeat(200_000) })).code, 'body-too-large');
});
