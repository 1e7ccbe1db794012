/** P24: an agent that goes in the middle of its handshake, at whatever moment, leaves no access open in the log. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import t from 'tap';
import { webSocketAccept } from '#shared/wire/forward-upgrade.ts';
import { httpApp, tcpApp } from '../../support/gateway-apps.ts';
import { dial } from '../../support/gateway-client.ts';
import { startDataPath } from '../../support/start-data-path.ts';
import { listen } from '../../wire/forward-rig.ts';

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const switching = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${webSocketAccept(key)}\r\n\r\n`;

/** Takes every handshake, and ends when whoever asked does. */
const app = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.once('data', () => socket.write(switching));
  socket.on('end', () => socket.end());
});
const appPort = await listen(t, app as never);
const connections = promisify(app.getConnections.bind(app));
const gw = await startDataPath([httpApp(appPort), tcpApp(appPort)]);
const { world, device, port, records } = gw;
t.teardown(() => gw.stop());

const webSocket = (grant: string) =>
  `GET /socket HTTP/1.1\r\nHost: wiki.corp.example\r\nPostern-Grant: ${grant}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
const ways = {
  'ends its side': (socket: TLSSocket, _raw: Socket) => socket.end(),
  'is killed': (_socket: TLSSocket, raw: Socket) => raw.destroy(),
  resets: (_socket: TLSSocket, raw: Socket) => raw.resetAndDestroy(),
};
let accesses = 0;
/** Turns of the event loop between the agent's going and the opening record. */
const turns = [0, 1, 2, 3, 4, 6, 8, 12, 20];

for (const [how, leave] of Object.entries(ways)) {
  t.test(`an agent that ${how} while its opening record is written, or soon after`, async (t) => {
    let isOver = false;
    t.teardown(() => {
      isOver = true;
    });
    for (const wait of turns) {
      const [asked, written] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      records.beforeOpen = () => {
        asked.resolve();
        return written.promise;
      };
      const socket = await dial(world, device, port);
      socket.on('error', () => {}).resume();
      socket.write(webSocket(world.grant(device)));
      await asked.promise;
      const raw = (socket as unknown as { _parent: Socket })._parent;
      leave(socket, raw);
      for (let turn = 0; turn < wait; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      written.resolve();
      if (!socket.closed) await once(socket, 'close');
    }
    accesses += turns.length;
    while (records.closed.length < accesses && !isOver) await new Promise((resolve) => setImmediate(resolve));
    t.same(new Set(records.closed.map(({ opening }) => opening)), new Set(records.opened.map(({ id }) => id)));
    while ((await connections()) > 0 && !isOver) await new Promise((resolve) => setImmediate(resolve));
    t.equal(await connections(), 0, 'nor a connection to the app');
  });
}
