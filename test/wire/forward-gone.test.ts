/** P24: whoever leaves a WebSocket or a tunnel, in whatever way and whenever: what was forwarded ends, and with it both connections. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import t from 'tap';
import { Pool } from 'undici';
import type { ForwardOptions, ForwardOutcome } from '#shared/wire/forward-types.ts';
import { forwardUpgrade, webSocketAccept } from '#shared/wire/forward-upgrade.ts';
import { toAppHeaders } from '#shared/wire/http-headers.ts';
import { type Pipe, startPipe } from '#shared/wire/pipe-sockets.ts';
import { isWebSocketUpgrade } from '#shared/wire/request-head.ts';
import { Client, listen, rawApp, timeouts } from './forward-rig.ts';

type Test = Parameters<typeof rawApp>[0];

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const hello =
  `GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
const switching = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${webSocketAccept(key)}\r\n\r\n`;

/** An app that answers what its test says, and, when its client has ended, ends too or stays. */
async function app(t: Test, onEnd: 'ends' | 'stays') {
  const asked = Promise.withResolvers<Socket>();
  const heads: string[] = [];
  const port = await rawApp(t, (socket) => {
    socket.once('data', (head: Buffer) => {
      heads.push(String(head));
      asked.resolve(socket);
    });
    socket.on('end', () => onEnd === 'ends' && socket.end());
  });
  return { port, heads, asked: asked.promise };
}

/** A proxy whose test says when each attempt begins. */
async function proxy(t: Test, appPort: number, more: Partial<ForwardOptions> = {}) {
  const origin = `http://127.0.0.1:${appPort}`;
  const dispatcher = new Pool(origin);
  t.teardown(() => dispatcher.destroy());
  const taken = Promise.withResolvers<{ attempt: () => Promise<ForwardOutcome>; socket: Duplex }>();
  const server = createServer({ shouldUpgradeCallback: isWebSocketUpgrade });
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    const options = {
      dispatcher,
      origin,
      method: 'GET',
      path: '/chat',
      headers: toAppHeaders(req.rawHeaders, { host: 'app.test' }),
      timeouts: { ...timeouts, lingerMs: 50 },
      ...more,
    };
    socket.on('error', () => {});
    taken.resolve({ socket, attempt: () => forwardUpgrade(req, socket, head, options).done });
  });
  return { port: await listen(t, server), taken: taken.promise };
}

const isOver = (socket: Duplex) => (socket.closed ? Promise.resolve() : once(socket, 'close'));
const ways = {
  ends: (socket: Socket) => socket.end(),
  'is killed': (socket: Socket) => socket.destroy(),
  resets: (socket: Socket) => socket.resetAndDestroy(),
};

for (const [how, leave] of Object.entries(ways)) {
  /** What the proxy's socket says of it. */
  const told = how === 'resets' ? 'close' : 'end';

  t.test(`a client that ${how} before anything was sent is not asked for`, async (t) => {
    const behind = await app(t, 'stays');
    const { port, taken } = await proxy(t, behind.port);
    const client = new Client(t, port).send(hello);
    const { attempt, socket } = await taken;
    const left = new Promise<void>((resolve) => socket.once(told, resolve));
    leave(client.socket);
    await left;
    t.match(await attempt(), { ended: 'client-abort', bytesUp: 0 });
    await isOver(socket);
    // What had been sent to the app would be there before this.
    new Client(t, behind.port).send('the first');
    await behind.asked;
    t.same(behind.heads, ['the first']);
  });

  t.test(`a client that ${how} between two attempts`, async (t) => {
    const behind = await app(t, 'stays');
    const { port, taken } = await proxy(t, behind.port, { keepBack: (status) => status === 401 });
    const client = new Client(t, port).send(hello);
    const { attempt, socket } = await taken;
    const first = attempt();
    (await behind.asked).write('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n');
    t.match(await first, { ended: 'kept' });
    const left = new Promise<void>((resolve) => socket.once(told, resolve));
    leave(client.socket);
    await left;
    t.match(await attempt(), { ended: 'client-abort' });
    await isOver(socket);
  });

  t.test(`a client that ${how} while the app thinks`, async (t) => {
    const behind = await app(t, 'stays');
    const { port, taken } = await proxy(t, behind.port);
    const client = new Client(t, port).send(hello);
    const { attempt, socket } = await taken;
    const done = attempt();
    await behind.asked;
    leave(client.socket);
    t.match(await done, { ended: 'client-abort' });
    await Promise.all([isOver(socket), (await behind.asked).destroy()]);
  });

  for (const onEnd of ['ends', 'stays'] as const) {
    t.test(`a client that ${how} in the middle, of an app that then ${onEnd}`, async (t) => {
      const behind = await app(t, onEnd);
      const { port, taken } = await proxy(t, behind.port);
      const client = new Client(t, port).send(hello);
      const { attempt, socket } = await taken;
      const done = attempt();
      (await behind.asked).write(switching);
      await client.until('101');
      leave(client.socket);
      const { ended } = await done;
      const orderly = onEnd === 'ends' && how !== 'resets';
      t.equal(ended, orderly ? 'complete' : 'client-abort');
      client.socket.end();
      await isOver(socket);
    });

    t.test(`an app that ${how} in the middle, of a client that then ${onEnd}`, async (t) => {
      const behind = await app(t, 'stays');
      const { port, taken } = await proxy(t, behind.port);
      const client = new Client(t, port).send(hello);
      const { attempt, socket } = await taken;
      const done = attempt();
      const appSocket = await behind.asked;
      appSocket.write(switching);
      await client.until('101');
      client.socket.on('end', () => onEnd === 'ends' && client.socket.end());
      leave(appSocket);
      const { ended } = await done;
      const orderly = onEnd === 'ends' && how === 'ends';
      t.ok(orderly ? ended === 'complete' : ended !== 'cut' && ended !== 'refused', ended);
      client.socket.end();
      await isOver(socket);
    });
  }
}

t.test('an app that ends with its 101, and a client with its handshake', async (t) => {
  const behind = await app(t, 'stays');
  const { port, taken } = await proxy(t, behind.port);
  const client = new Client(t, port);
  client.socket.end(`${hello}early`);
  const { attempt, socket } = await taken;
  const done = attempt();
  (await behind.asked).end(`${switching}late`);
  t.match(await client.end(), /late$/);
  t.match(await done, { ended: 'complete', bytesUp: 5, bytesDown: 4 });
  await isOver(socket);
});

/** Two ends of one TCP connection. */
async function pair(t: Test, allowHalfOpen = true): Promise<{ near: Socket; far: Socket }> {
  const server = createTcpServer({ allowHalfOpen });
  const port = await listen(t, server as never);
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [near] = (await once(server, 'connection')) as [Socket];
  for (const socket of [near, far]) {
    socket.on('error', () => {});
    t.teardown(() => socket.destroy());
  }
  return { near, far };
}

const join = (early: Socket, other: Socket, side: 'client' | 'app'): Pipe =>
  side === 'client' ? startPipe(early, other) : startPipe(other, early);

for (const side of ['client', 'app'] as const) {
  t.test(`a tunnel whose ${side} had ended before it began tells the other`, async (t) => {
    const [early, other] = [await pair(t), await pair(t)];
    early.far.end();
    await once(early.near, 'end');
    const pipe = join(early.near, other.near, side);
    await once(other.far.resume(), 'end');
    other.far.end('still said');
    const [said] = await once(early.far, 'data');
    t.equal(String(said), 'still said');
    t.match(await pipe.done, { ended: 'complete' });
  });

  t.test(`a tunnel whose ${side} was on its way out when it began ends`, async (t) => {
    // One that was not made for half-open connections closes by itself.
    const [early, other] = [await pair(t, false), await pair(t)];
    early.far.end();
    // Between this event and 'close' lies no turn of the event loop.
    const pipe = await new Promise<Pipe>((resolve) => {
      early.near.once('finish', () => resolve(join(early.near, other.near, side)));
    });
    t.match(await pipe.done, { ended: `${side}-abort` });
    await isOver(other.near);
  });
}

t.test(
  'a tunnel of which one side has ended ends when the other is silent for long, and not while it speaks',
  async (t) => {
    const [client, app] = [await pair(t), await pair(t)];
    const pipe = startPipe(client.near, app.near, { lingerMs: 100 });
    client.far.end();
    await once(app.far.resume(), 'end');
    let said = '';
    client.far.on('data', (chunk) => {
      said += chunk;
    });
    const timer = setInterval(() => app.far.write('.'), 20);
    t.teardown(() => clearInterval(timer));
    while (said.length < 15) await once(client.far, 'data');
    clearInterval(timer);
    t.match(await pipe.done, { ended: 'client-abort' });
    await Promise.all([isOver(client.near), isOver(app.near)]);
  },
);
