import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import t, { type Test } from 'tap';
import type { Dispatcher } from 'undici';
import { AppConnections } from '../../../gateway/to-apps/app-connections.ts';

/** An app that says how many connections it was given, and by which of them each request came. */
async function startApp(t: Test, answer?: RequestListener, port = 0) {
  const numbers = new Map<Socket, number>();
  const by: [path: string, connection: number][] = [];
  const server: Server = createServer((req, res) => {
    by.push([req.url!, numbers.get(req.socket)!]);
    if (answer === undefined) res.end('ok');
    else answer(req, res);
  });
  server.on('connection', (socket) => numbers.set(socket, numbers.size + 1));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port: listens } = server.address() as AddressInfo;
  return { server, by, numbers, port: listens, origin: `http://127.0.0.1:${listens}` };
}

function open(t: Test, origin: string, most: number): AppConnections {
  const connections = new AppConnections(origin, { headersTimeout: 0, bodyTimeout: 0 }, most);
  t.teardown(() => connections.destroy());
  return connections;
}

interface Asked {
  readonly headers?: readonly string[];
  readonly upgrade?: string;
  /** Ends it as soon as a connection has taken it. */
  readonly abort?: boolean;
}

/** Status of the answer; rejects with what undici tells. */
function ask(connections: AppConnections, path: string, { headers = [], upgrade, abort }: Asked = {}): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let status = 0;
  const handler: Dispatcher.DispatchHandler = {
    onConnect: (end) => abort && end(new Error('no longer wanted')),
    onHeaders: (code) => {
      status = code;
      return true;
    },
    onData: () => true,
    onUpgrade: (code, _, socket) => {
      socket.destroy();
      resolve(code);
    },
    onComplete: () => resolve(status),
    onError: reject,
  };
  const options = {
    origin: '',
    path,
    method: 'GET',
    headers: [...headers],
    ...(upgrade === undefined ? {} : { upgrade }),
  };
  connections.dispatch(options as Dispatcher.DispatchOptions, handler);
  return promise;
}

/** Undici uses a connection again a turn after an answer has ended. */
const aTurn = async () => {
  for (const _ of [1, 2]) await new Promise(setImmediate);
};

t.test('the connection that was used last is used next', async (t) => {
  const { origin, by, numbers } = await startApp(t);
  const connections = open(t, origin, 8);
  await ask(connections, '/1').then(aTurn);
  await ask(connections, '/2').then(aTurn);
  t.equal(numbers.size, 1, 'one after the other need one');
  await Promise.all(['/3', '/4', '/5'].map((path) => ask(connections, path))).then(aTurn);
  t.equal(numbers.size, 3, 'three at a time need three');
  const last = by.at(-1)![1];
  for (const path of ['/6', '/7', '/8']) await ask(connections, path).then(aTurn);
  t.same(
    by.slice(-3).map(([, connection]) => connection),
    [last, last, last],
  );
});

t.test('beyond the limit requests wait, in their order', async (t) => {
  const { origin, by, numbers } = await startApp(t);
  const connections = open(t, origin, 2);
  const paths = Array.from({ length: 9 }, (_, n) => `/${n}`);
  t.same(await Promise.all(paths.map((path) => ask(connections, path))), Array(9).fill(200));
  t.equal(numbers.size, 2);
  t.same(
    by.map(([path]) => path),
    paths,
  );
});

t.test('what undici refuses to send costs no connection', async (t) => {
  const { origin, numbers } = await startApp(t);
  const connections = open(t, origin, 1);
  const bad = () => ask(connections, '/bad', { headers: ['x', 'a\nb'] });
  await t.rejects(bad(), { code: 'UND_ERR_INVALID_ARG' });
  // Behind one that runs, and many of them in a row.
  const all = [ask(connections, '/1'), ...Array.from({ length: 5000 }, bad), ask(connections, '/2')];
  const ended = (await Promise.allSettled(all)).map(({ status }) => status);
  t.same([ended[0], ended[1], ended[5000], ended[5001]], ['fulfilled', 'rejected', 'rejected', 'fulfilled']);
  t.equal(numbers.size, 1);
});

t.test('what is ended before it is sent, and what becomes a pipe, frees its connection', async (t) => {
  const { origin, server } = await startApp(t);
  server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.on('error', () => {});
  });
  const connections = open(t, origin, 1);
  await t.rejects(ask(connections, '/cold', { abort: true }), 'no longer wanted');
  t.equal(await ask(connections, '/1'), 200);
  const warm = ask(connections, '/warm', { abort: true });
  const next = ask(connections, '/2');
  await t.rejects(warm, 'no longer wanted');
  t.equal(await next, 200);
  t.equal(await ask(connections, '/pipe', { upgrade: 'websocket' }), 101);
  t.equal(await ask(connections, '/3'), 200);
});

t.test('an app that was away is reached when it is there again', async (t) => {
  const first = await startApp(t);
  const connections = open(t, first.origin, 1);
  t.equal(await ask(connections, '/1'), 200);
  first.server.closeAllConnections();
  await new Promise((resolve) => first.server.close(resolve));
  const away = await Promise.allSettled([ask(connections, '/2'), ask(connections, '/3'), ask(connections, '/4')]);
  t.same(new Set(away.map(({ status }) => status)), new Set(['rejected']));
  await startApp(t, undefined, first.port);
  t.equal(await ask(connections, '/5'), 200);
});

t.test('closing waits for all that was taken, and takes nothing more', async (t) => {
  const held: (() => void)[] = [];
  const { origin } = await startApp(t, (_, res) => held.push(() => res.end('ok')));
  const connections = open(t, origin, 1);
  const running = ask(connections, '/1');
  const waiting = ask(connections, '/2');
  let isClosed = false;
  const closing = connections.close().then(() => {
    isClosed = true;
  });
  await t.rejects(ask(connections, '/3'), { code: 'UND_ERR_CLOSED' });
  for (const one of [running, waiting]) {
    t.equal(isClosed, false);
    while (held.length === 0) await new Promise(setImmediate);
    held.shift()!();
    t.equal(await one, 200);
  }
  await closing;
});

t.test('ended at once, nobody is left without an answer', async (t) => {
  const { origin } = await startApp(t, () => {});
  const connections = open(t, origin, 1);
  const all = ['/1', '/2', '/3'].map((path) => ask(connections, path));
  const ended = Promise.allSettled(all);
  await connections.destroy();
  t.same(
    (await ended).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  );
});
