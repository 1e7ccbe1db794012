/** One grant at the edges of its life, through each way in; and connections at the end of the certificate they stand on. */
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type ClientOptions, WebSocket } from 'ws';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { httpApp, startTcpEcho, startWebApp, tcpApp } from '../support/gateway-apps.ts';
import { dial, open, raw, whenClosed } from '../support/gateway-client.ts';
import { startDataPath } from '../support/start-data-path.ts';
import { askBy, type Way, ways } from '../support/ways-in.ts';

const app = await startWebApp();
const echo = await startTcpEcho();
t.teardown(async () => {
  await app.stop();
  await echo.stop();
});

async function begin(t: Test) {
  const gw = await startDataPath([httpApp(app.port), tcpApp(echo.port)]);
  t.teardown(() => gw.stop());
  const grantFor = (way: Way, changes: Partial<GrantClaims> = {}) =>
    gw.world.grant(gw.device, { ...(way === 'connect' ? { app: 'db', act: 'connect' } : {}), ...changes });
  return { gw, grantFor };
}

const good: Readonly<Record<Way, number>> = { request: 200, upgrade: 101, connect: 200 };
const page: Readonly<Record<Way, string>> = { request: '/page', upgrade: '/socket', connect: '' };

for (const way of ways) {
  t.test(
    `P15 P16 ${way}: a grant that ends while its record is written opens nothing, for all its grace`,
    async (t) => {
      const { gw, grantFor } = await begin(t);
      const before = app.seen.length;
      gw.records.beforeOpen = () => gw.pass(61_000);
      const { verdict } = await askBy(way, gw, { grant: grantFor(way), path: page[way] });
      t.equal(verdict, 'grant-expired');
      t.same([app.seen.length, echo.sockets.size, gw.path.counts()['live|']], [before, 0, 0]);
      t.equal(gw.records.opened.length, 1, 'it had an opening record');
      while (gw.records.closed.length === 0) await nextTurn();
      t.match(gw.records.closed, [{ phase: 'closing', opening: gw.records.opened[0]!.id }], 'and has a closing one');
    },
  );

  t.test(`P16 ${way}: what is taken back while its record is written is begun nowhere`, async (t) => {
    const { gw, grantFor } = await begin(t);
    const before = app.seen.length;
    gw.records.beforeOpen = () => void gw.revoke('session', 'ses_0000000001');
    const { verdict } = await askBy(way, gw, { grant: grantFor(way), path: page[way] });
    t.equal(verdict, 'grant-revoked');
    t.same([app.seen.length, echo.sockets.size], [before, 0]);
  });

  t.test(`P16 ${way}: one text, read once, is judged each time`, async (t) => {
    const { gw, grantFor } = await begin(t);
    const thief = await gw.world.leaf('device', 'dev_00000002');
    const grant = grantFor(way);
    const verdictOf = async (more: object = {}) => {
      const { status, verdict } = await askBy(way, gw, { grant, path: page[way], ...more });
      return status === good[way] ? 'allow' : verdict;
    };
    t.equal(await verdictOf(), 'allow');
    t.equal(await verdictOf({ by: thief }), 'grant-binding', 'whose it is');
    gw.pass(61_000);
    t.equal(await verdictOf(), 'grant-expired', 'its end');
    gw.pass(-91_000);
    t.equal(await verdictOf(), 'grant-early', 'its beginning');
    gw.pass(30_000);
    t.equal(await verdictOf(), 'allow');
    gw.change({ kind: 'floor', floors: ['wiki', 'db'].map((id) => ({ app: id, epoch: 4 })) });
    t.equal(await verdictOf(), 'grant-below-floor', 'the version of its policies');
    gw.revoke('device', gw.device.id);
    t.equal(await verdictOf(), 'grant-below-floor');
    const newer = grantFor(way, { epoch: 4 });
    t.equal(await verdictOf({ grant: newer }), 'grant-revoked', 'what was taken back');
  });
}

t.test('P2 a timer ends every kind of connection with its certificate: idle, SSE, WebSocket, tunnel', async (t) => {
  const { gw, grantFor } = await begin(t);
  const { world, port } = gw;
  const brief = await world.leaf('device', gw.device.id, gw.device.keys, 6000);
  const idle = await dial(world, brief, port);
  const sse = await open(world, brief, port, { path: '/events', grant: grantFor('request') });
  sse.response.on('error', () => {});
  const under = await dial(world, brief, port);
  const socket = new WebSocket('ws://wiki.corp.example/socket', {
    headers: { 'postern-grant': grantFor('upgrade') },
    createConnection: () => under,
  } as ClientOptions);
  socket.on('error', () => {});
  await once(socket, 'open');
  const tunnel = await dial(world, brief, port);
  const head = `CONNECT db.corp.example:5432 HTTP/1.1\r\nHost: db.corp.example:5432\r\nPostern-Grant: ${grantFor('connect')}\r\n\r\n`;
  t.match(await raw(tunnel, head), /^HTTP\/1\.1 200/);
  t.equal(gw.path.counts()['live|'], 3);
  await Promise.all([idle, sse.socket, under, tunnel].map(whenClosed));
  while (gw.path.counts()['live|'] !== 0) await nextTurn();
  while (app.open.size + app.sockets.clients.size + echo.sockets.size > 0) await nextTurn();
  t.pass('and the apps lose theirs');
});
