/** Upgrades, tunnels and clients that leave, behind a request that is still being answered on the same connection (P21, P15). */
import t from 'tap';
import { httpApp, startTcpEcho, startWebApp, tcpApp } from '../support/gateway-apps.ts';
import { ask, dial, readUntil, whenClosed } from '../support/gateway-client.ts';
import { startDataPath } from '../support/start-data-path.ts';

const app = await startWebApp();
const echo = await startTcpEcho();
const gw = await startDataPath([httpApp(app.port), tcpApp(echo.port)]);
const { world, device, port } = gw;
t.teardown(async () => {
  await gw.stop();
  await app.stop();
  await echo.stop();
});
const lines = (...list: string[]) => `${list.join('\r\n')}\r\n\r\n`;
const grant = `Postern-Grant: ${world.grant(device)}`;
const events = lines('GET /events HTTP/1.1', 'Host: wiki.corp.example', grant);
const upgrade = (key: string) =>
  lines(
    'GET /socket HTTP/1.1',
    'Host: wiki.corp.example',
    grant,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
  );
const tunnel = lines(
  'CONNECT db.corp.example:5432 HTTP/1.1',
  'Host: db.corp.example:5432',
  `Postern-Grant: ${world.grant(device, { app: 'db', act: 'connect' })}`,
);
/** Everything that runs has come to its end. */
async function settled(): Promise<number> {
  for (let i = 0; i < 100 && gw.path.counts()['live|'] !== 0; i += 1) await new Promise((done) => setTimeout(done, 20));
  return gw.path.counts()['live|'] ?? -1;
}

for (const [what, second] of [
  ['a WebSocket', upgrade('dGhlIHNhbXBsZSBub25jZQ==')],
  ['a tunnel', tunnel],
] as const) {
  t.test(
    `P21 ${what} behind a request that is still being answered ends the connection and nothing else`,
    async (t) => {
      const socket = await dial(world, device, port);
      socket.on('error', () => {});
      const closed = whenClosed(socket);
      socket.write(events);
      await readUntil(socket, 'data: 1');
      socket.write(second);
      await closed;
      t.equal((await ask(world, device, port, { grant: world.grant(device) })).status, 200, 'the gateway lives');
      t.equal(await settled(), 0, 'nothing is left running');
    },
  );

  t.test(`P21 ${what} in one segment with a request before it`, async (t) => {
    const socket = await dial(world, device, port);
    socket.on('error', () => {});
    const closed = whenClosed(socket);
    socket.write(events + second);
    await closed;
    t.equal((await ask(world, device, port, { grant: world.grant(device) })).status, 200, 'the gateway lives');
    t.equal(await settled(), 0, 'nothing is left running');
  });
}

t.test('P9 P15 what waits behind a request that is being answered goes to the app in its turn, or never', async (t) => {
  const socket = await dial(world, device, port);
  socket.on('error', () => {});
  const seen = app.seen.length;
  socket.write(events + events + events);
  await readUntil(socket, 'data: 1');
  t.equal((await ask(world, device, port, { grant: world.grant(device) })).status, 200);
  socket.destroy();
  t.equal(await settled(), 0, 'nothing is left running');
  t.equal(app.seen.length, seen + 2, 'what waited has never begun');
  t.equal(gw.records.closed.length, gw.records.opened.length, 'each has its closing record');
});

t.test('P9 a queue of requests that grows ends the connection', async (t) => {
  const socket = await dial(world, device, port);
  socket.on('error', () => {});
  const closed = whenClosed(socket);
  socket.write(events.repeat(50));
  await closed;
  t.equal(await settled(), 0, 'nothing is left running');
});
