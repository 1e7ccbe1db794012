import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { type PipeOptions, type PipeOutcome, pipeSockets, startPipe } from '#shared/wire/pipe-sockets.ts';
import { Client, listen, rawApp, untilStill } from './forward-rig.ts';

type Test = Parameters<typeof rawApp>[0];

/** A CONNECT proxy as a gateway would write it; neither of its sockets was made for half-open connections. */
async function connectProxy(t: Test, appPort: number, options: PipeOptions = {}) {
  const outcome = Promise.withResolvers<PipeOutcome>();
  const server = createServer();
  server.on('connect', (_req, socket, head: Buffer) => {
    const app = connect({ port: appPort, host: '127.0.0.1' }, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      if (head.length > 0) socket.unshift(head);
      void pipeSockets(socket, app, options).then(outcome.resolve);
    });
  });
  return { port: await listen(t, server), outcome: outcome.promise };
}

const ask = 'CONNECT app.test:22 HTTP/1.1\r\nHost: app.test:22\r\n\r\n';

t.test('the end of one direction leaves the other open, either way round', async (t) => {
  const app = await rawApp(t, (socket) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('end', () => {
      socket.write(`heard ${text}`);
      setImmediate(() => socket.end(', bye'));
    });
  });
  const proxy = await connectProxy(t, app);
  const client = new Client(t, proxy.port).send(`${ask}early `);
  await client.until('Established\r\n\r\n');
  client.socket.end('late');
  t.match(await client.end(), /\r\n\r\nheard early late, bye$/);
  t.match(await proxy.outcome, { ended: 'complete', bytesUp: 10, bytesDown: 21 });

  let up = '';
  const done = Promise.withResolvers<void>();
  const first = await rawApp(t, (socket) => {
    socket.end('app speaks first and is done');
    socket.on('data', (chunk: Buffer) => {
      up += chunk.toString();
    });
    socket.on('end', () => done.resolve());
  });
  const other = await connectProxy(t, first);
  const second = new Client(t, other.port).send(ask);
  await second.end();
  second.socket.end('the client goes on');
  await done.promise;
  t.equal(up, 'the client goes on');
  t.match(await other.outcome, { ended: 'complete' });
});

t.test('a break of one side breaks the other and is told apart', async (t) => {
  const appSocket = Promise.withResolvers<Socket>();
  const app = await rawApp(t, (socket) => {
    socket.resume();
    appSocket.resolve(socket);
  });
  const proxy = await connectProxy(t, app);
  const client = new Client(t, proxy.port).send(ask);
  await client.until('Established');
  (await appSocket.promise).resetAndDestroy();
  await client.end();
  t.match(await proxy.outcome, { ended: 'app-abort' });

  const closed = Promise.withResolvers<void>();
  const watched = await rawApp(t, (socket) => {
    socket.resume();
    socket.on('end', () => socket.destroy());
    socket.on('close', () => closed.resolve());
  });
  const other = await connectProxy(t, watched);
  const leaver = new Client(t, other.port).send(ask);
  await leaver.until('Established');
  leaver.socket.resetAndDestroy();
  await closed.promise;
  t.match(await other.outcome, { ended: 'client-abort' });
});

t.test('a tunnel can be cut by signal, by handle and by silence', async (t) => {
  const app = await rawApp(t, (socket) => socket.resume());
  const cutter = new AbortController();
  const proxy = await connectProxy(t, app, { signal: cutter.signal });
  const client = new Client(t, proxy.port).send(ask);
  await client.until('Established');
  cutter.abort(new PosternError('grant-revoked'));
  await client.end();
  t.match(await proxy.outcome, { ended: 'cut', error: { code: 'grant-revoked' } });

  const idle = await connectProxy(t, app, { idleMs: 20 });
  await new Client(t, idle.port).send(ask).end();
  t.match(await idle.outcome, { ended: 'cut', error: { code: 'app-timeout' } });

  const [a, b] = [new PassThrough(), new PassThrough()];
  const pipe = startPipe(a, b);
  pipe.cut();
  t.match(await pipe.done, { ended: 'cut', error: { code: 'stream-cut' } });
  t.ok(a.destroyed && b.destroyed);
  const over = startPipe(new PassThrough(), b);
  t.match(await over.done, { ended: 'app-abort' }, 'a socket that is gone already');
});

t.test('a side that does not read stops the other; everything arrives once it reads', async (t) => {
  const total = 64 * 1024 * 1024;
  const appSocket = Promise.withResolvers<Socket>();
  const app = await rawApp(t, (socket) => appSocket.resolve(socket));
  let moved = 0;
  const proxy = await connectProxy(t, app, { onBytes: (_direction, bytes) => (moved += bytes) });
  const client = new Client(t, proxy.port).send(ask);
  await client.until('Established');
  client.socket.end(Buffer.alloc(total, 'x'));
  const reader = await appSocket.promise;
  await untilStill(() => moved);
  t.ok(moved < total / 2, `${moved} bytes went into buffers`);
  let received = 0;
  reader.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  await once(reader, 'end');
  reader.end();
  t.equal(received, total);
  t.match(await proxy.outcome, { ended: 'complete', bytesUp: total });
});
