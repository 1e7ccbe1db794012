/** An app that answers and closes before it has read the body: its answer counts, and no other is made up (P9). */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import t from 'tap';
import { spkiFingerprint } from '#shared/crypto/keys.ts';
import { httpApp } from '../support/gateway-apps.ts';
import { dial, firstOf, readUntil } from '../support/gateway-client.ts';
import { makeWorld } from '../support/gateway-world.ts';
import { startDataPath } from '../support/start-data-path.ts';

const refusal =
  'HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno';

/** Answers at the first byte and closes with the rest unread, which resets the connection. */
function hasty(socket: Socket): void {
  socket.on('error', () => {});
  socket.once('readable', () => {
    socket.read(1);
    socket.write(refusal, () => socket.destroy());
  });
}

/** Closes without a word. */
function mute(socket: Socket): void {
  socket.on('error', () => {});
  socket.once('readable', () => {
    socket.read(1);
    socket.destroy();
  });
}

const plain = createServer(hasty);
const silent = createServer(mute);
const other = await makeWorld();
const leaf = await other.leaf('gateway', 'upstream');
const tls = createTlsServer(
  {
    key: leaf.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: [leaf.certificate, ...leaf.chain].join('\n'),
  },
  hasty,
);
for (const server of [plain, silent, tls]) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
const gw = await startDataPath([
  httpApp(portOf(plain)),
  httpApp(portOf(silent), { id: 'mute', hosts: ['mute.corp.example'] }),
  httpApp(0, {
    id: 'tls',
    hosts: ['tls.corp.example'],
    upstream: `https://127.0.0.1:${portOf(tls)}`,
    tls: { pin: spkiFingerprint(new X509Certificate(leaf.certificate)) },
  }),
]);
t.teardown(async () => {
  await gw.stop();
  for (const server of [plain, silent, tls]) server.close();
});

async function post(app: string, host: string): Promise<string> {
  const socket = await dial(gw.world, gw.device, gw.port);
  const length = 900_000;
  socket.on('error', () => {});
  socket.write(
    `POST /upload HTTP/1.1\r\nHost: ${host}\r\nPostern-Grant: ${gw.world.grant(gw.device, { app })}\r\nContent-Length: ${length}\r\n\r\n`,
  );
  // In pieces, so that the gateway is in the middle of a write whenever the app closes.
  const piece = Buffer.alloc(30_000);
  for (let sent = 0; sent < length && socket.writable; sent += piece.length) {
    if (!socket.write(piece)) await firstOf(socket, ['drain', 'readable', 'close']);
  }
  const answer = await readUntil(socket, '\r\n\r\n');
  socket.destroy();
  return answer;
}

t.test('P9 the early answer of an app reaches the client', async (t) => {
  for (let round = 0; round < 10; round += 1) {
    t.match(await post('wiki', 'wiki.corp.example'), /^HTTP\/1\.1 401 /, `round ${round}`);
    t.match(await post('tls', 'tls.corp.example'), /^HTTP\/1\.1 401 /, `round ${round}, over TLS`);
  }
});

t.test('P9 an app that closes without a word is unreachable', async (t) => {
  const answer = await post('mute', 'mute.corp.example');
  t.match(answer, /^HTTP\/1\.1 502 /);
  t.match(answer, /postern-verdict: app-unreachable/i);
});
