import { once } from 'node:events';
import { createServer } from 'node:http';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { PosternError } from '#shared/base/errors.ts';
import { webSocketAccept } from '#shared/wire/forward-upgrade.ts';
import { Client, listen, rawApp, rig } from './forward-rig.ts';

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const hello =
  `GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
const switching = (accept: string, upgrade = 'websocket') =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;

t.equal(webSocketAccept(key), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'RFC 6455 section 1.3');

t.test('WebSocket messages of 1 MiB pass both ways, and a close is orderly', async (t) => {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  const proxy = await rig(t, await listen(t, server));
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/chat`, { perMessageDeflate: false });
  await once(socket, 'open');
  const message = Buffer.alloc(1024 * 1024, 'm');
  for (let i = 0; i < 8; i += 1) {
    socket.send(message);
    const [echo] = await once(socket, 'message');
    t.ok(message.equals(echo as Buffer));
  }
  socket.close(1000);
  const [code] = await once(socket, 'close');
  t.equal(code, 1000);
  const outcome = await proxy.outcome();
  t.match(outcome, { ended: 'complete', status: 101 });
  t.ok(outcome.bytesUp > 8 * message.length && outcome.bytesDown > 8 * message.length);
});

t.test('bytes that come right behind either handshake reach the other side', async (t) => {
  const app = await rawApp(t, (socket) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      if (text === '') socket.write(`${switching(webSocketAccept(key))}early-down`);
      text += chunk.toString();
      if (text.endsWith('\r\n\r\nearly-up')) socket.end('got it');
    });
  });
  const proxy = await rig(t, app);
  const client = new Client(t, proxy.port).send(`${hello}early-up`);
  const text = await client.until('got it');
  t.match(text, /^HTTP\/1\.1 101 [\s\S]*\r\n\r\nearly-down/);
  client.socket.end();
  t.match(await proxy.outcome(), { ended: 'complete', bytesUp: 8 });
});

t.test('a refusal with a body is an ordinary answer, and the connection closes', async (t) => {
  const app = await rawApp(t, (socket) => {
    socket.once('data', () =>
      socket.write('HTTP/1.1 403 Forbidden\r\nX-Why: policy\r\nContent-Length: 6\r\n\r\nno way'),
    );
  });
  const proxy = await rig(t, app);
  const text = await new Client(t, proxy.port).send(hello).end();
  t.match(text, /^HTTP\/1\.1 403 Forbidden\r\nX-Why: policy\r\n[\s\S]*connection: close[\s\S]*\r\n\r\nno way$/i);
  t.match(await proxy.outcome(), { ended: 'complete', status: 403, bytesDown: 6 });
});

t.test('an answer that is no proper 101 opens no pipe', async (t) => {
  const answers = [
    switching('AAAAAAAAAAAAAAAAAAAAAAAAAAA='),
    switching(webSocketAccept(key), 'h2c'),
    switching(webSocketAccept(key)).replace('\r\n\r\n', '\r\nSec-WebSocket-Accept: x\r\n\r\n'),
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  ];
  for (const answer of answers) {
    const appClosed = Promise.withResolvers<void>();
    const app = await rawApp(t, (socket) => {
      socket.once('data', () => socket.write(`${answer}secret`));
      socket.on('end', () => socket.destroy());
      socket.on('close', () => appClosed.resolve());
    });
    const proxy = await rig(t, app);
    const text = await new Client(t, proxy.port).send(hello).end();
    t.match(text, /^HTTP\/1\.1 502 [\s\S]*app-broken/, JSON.stringify(answer));
    t.notMatch(text, /secret/);
    t.match(await proxy.outcome(), { ended: 'refused', error: { code: 'app-broken' } });
    await appClosed.promise;
  }
});

t.test('any other upgrade is an ordinary request without it', async (t) => {
  const app = await rawApp(t, (socket) => {
    socket.once('data', (chunk: Buffer) => {
      const seen = /upgrade/i.test(chunk.toString()) ? 'seen' : 'unseen';
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${seen.length}\r\n\r\n${seen}`);
    });
  });
  const proxy = await rig(t, app);
  const others = [
    hello.replace('GET', 'POST'),
    hello.replace('websocket', 'h2c'),
    hello.replace(': 13', ': 8'),
    hello.replace(key, 'c2hvcnQ='),
    hello.replace('websocket', 'websocket, h2c'),
  ];
  for (const other of others) await new Client(t, proxy.port).send(other).until('unseen');
  t.equal(proxy.outcomes.filter(({ status }) => status === 200).length, others.length);
});

t.test('whoever goes away while the other waits is noticed', async (t) => {
  const asked = Promise.withResolvers<void>();
  const appClosed = Promise.withResolvers<void>();
  const silent = await rawApp(t, (socket) => {
    socket.once('data', () => asked.resolve());
    socket.on('end', () => socket.destroy());
    socket.on('close', () => appClosed.resolve());
  });
  const proxy = await rig(t, silent);
  const client = new Client(t, proxy.port).send(hello);
  await asked.promise;
  client.socket.destroy();
  t.match(await proxy.outcome(), { ended: 'client-abort' });
  await appClosed.promise;

  const rude = await rawApp(t, (socket) => socket.once('data', () => socket.destroy()));
  const other = await rig(t, rude);
  t.match(await new Client(t, other.port).send(hello).end(), /^HTTP\/1\.1 502 [\s\S]*app-unreachable/);
});

t.test('a running pipe can be cut, and ends with either side', async (t) => {
  const appClosed = Promise.withResolvers<void>();
  const app = await rawApp(t, (socket) => {
    socket.once('data', () => socket.write(switching(webSocketAccept(key))));
    socket.on('end', () => socket.destroy());
    socket.on('close', () => appClosed.resolve());
  });
  const cutter = new AbortController();
  const proxy = await rig(t, app, { signal: cutter.signal });
  const client = new Client(t, proxy.port).send(hello);
  await client.until('101');
  cutter.abort(new PosternError('grant-revoked'));
  await client.end();
  await appClosed.promise;
  t.match(await proxy.outcome(), { ended: 'cut', status: 101, error: { code: 'grant-revoked' } });
});
