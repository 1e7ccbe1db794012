/** What is kept is not loaded: requests on one connection leave no listeners on it, nor on the one to the app, however they end (P9). */
import diagnostics from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { httpApp } from '../support/gateway-apps.ts';
import { dial, firstOf, readUntil } from '../support/gateway-client.ts';
import { startDataPath } from '../support/start-data-path.ts';

type Counts = Readonly<Record<string, number>>;

function listenersOf(emitter: EventEmitter): Counts {
  return Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]));
}

function watch(t: Test) {
  const seen = { clients: new Set<EventEmitter>(), apps: new Set<EventEmitter>() };
  const onRequest = (message: unknown) => {
    const { request } = message as { request: IncomingMessage };
    if ('encrypted' in request.socket) seen.clients.add(request.socket);
  };
  const onConnected = (message: unknown) => void seen.apps.add((message as { socket: EventEmitter }).socket);
  diagnostics.subscribe('http.server.request.start', onRequest);
  diagnostics.subscribe('undici:client:connected', onConnected);
  t.teardown(() => {
    diagnostics.unsubscribe('http.server.request.start', onRequest);
    diagnostics.unsubscribe('undici:client:connected', onConnected);
  });
  return seen;
}

t.test('P9 a connection that is used again and again has no more listeners than before', async (t) => {
  const app = createServer((req, res) => {
    req.resume();
    req.on('end', () => res.end('x'.repeat(req.url === '/long' ? 3_000_000 : 10)));
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  const gw = await startDataPath([httpApp((app.address() as AddressInfo).port)]);
  t.teardown(async () => {
    await gw.stop();
    app.close();
  });
  const seen = watch(t);
  const grant = gw.world.grant(gw.device, { app: 'wiki' });
  const socket = await dial(gw.world, gw.device, gw.port);
  const head = (method: string, path: string, more = '', by = grant) =>
    `${method} ${path} HTTP/1.1\r\nHost: wiki.corp.example\r\nPostern-Grant: ${by}\r\n${more}\r\n`;
  const ask = async (text: string, length: number) => {
    socket.write(text);
    const begun = await readUntil(socket, '\r\n\r\n');
    const told = /content-length: (\d+)/i.exec(begun)?.[1];
    let left = Number(told ?? length) - (begun.length - begun.indexOf('\r\n\r\n') - 4);
    while (left > 0) {
      const chunk = socket.read() as Buffer | null;
      if (chunk !== null) left -= chunk.length;
      else await firstOf(socket, ['readable', 'close']);
    }
    return begun;
  };
  const round = async () => {
    t.match(await ask(head('GET', '/'), 10), /^HTTP\/1\.1 200 /);
    t.match(await ask(`${head('POST', '/', 'Content-Length: 5\r\n')}hello`, 10), /^HTTP\/1\.1 200 /);
    t.match(
      await ask(`${head('POST', '/', 'Content-Length: 100000\r\n')}${'y'.repeat(100_000)}`, 10),
      /^HTTP\/1\.1 200 /,
    );
    // Longer than the buffers on the way: its answer waits for the client.
    t.match(await ask(head('GET', '/long'), 3_000_000), /^HTTP\/1\.1 200 /);
    t.match(await ask(head('GET', '/', '', 'no.grant.here'), 0), /^HTTP\/1\.1 40\d /);
  };
  const counts = () => [...seen.clients, ...seen.apps].map(listenersOf);
  await round();
  await round();
  const before = counts();
  t.equal(before.length, 2, 'one connection on each side');
  for (let n = 0; n < 12; n += 1) await round();
  t.strictSame(counts(), before);
  socket.destroy();
});
