/**
 * The proxying list of the design through both halves at once: a program, the agent's local side, mutual TLS, the gateway, an app. What the
 * halves do by themselves is in `test/wire/forward-*.test.ts`; a gibibyte and readers that stall in `test/journeys/proxying-bulk.test.ts`.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { PosternError } from '#shared/base/errors.ts';
import { answerTo, clientOf, ended, readWhole, startRoutedApp } from '../support/chain-app.ts';
import { httpApp } from '../support/gateway-apps.ts';
import { startChain } from '../support/gateway-chain.ts';

const app = await startRoutedApp(t);
const sockets = new WebSocketServer({ server: app.server, path: '/socket', maxPayload: 8 * 1024 * 1024 });
t.teardown(() => {
  for (const socket of sockets.clients) socket.terminate();
});
const chain = await startChain(t, [httpApp(app.port)]);
const { localPort, gw } = chain;
const { start } = clientOf(localPort);

/** The next request for a path; its answer is the test's to give. */
function asked(path: string): Promise<{ req: IncomingMessage; res: ServerResponse }> {
  return new Promise((resolve) => app.on(path, (req, res) => resolve({ req, res })));
}

t.test('an event arrives before the next one is made, and the head before the first', async (t) => {
  const coming = asked('/events');
  const sent = start({ path: '/events' });
  sent.end();
  const { res } = await coming;
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.flushHeaders();
  const answer = await answerTo(sent);
  for (let i = 0; i < 20; i += 1) {
    const heard = once(answer, 'data');
    res.write(`data: ${i}\n\n`);
    t.equal(String((await heard)[0]), `data: ${i}\n\n`);
  }
  const gone = once(res, 'close');
  answer.on('error', () => {});
  answer.destroy();
  await gone;
  t.pass('the app hears that nobody listens any more');
});

t.test('WebSocket: messages of 1 MiB both ways, pings, and an orderly close', async (t) => {
  const joined = once(sockets, 'connection') as Promise<[WebSocket]>;
  const socket = new WebSocket(`ws://127.0.0.1:${localPort}/socket`, ['chat'], {
    headers: { host: `wiki.localhost:${localPort}` },
    maxPayload: 8 * 1024 * 1024,
  });
  await once(socket, 'open');
  const [far] = await joined;
  t.equal(socket.protocol, 'chat');
  far.on('message', (data, isBinary) => far.send(data, { binary: isBinary }));
  const message = Buffer.alloc(1024 * 1024, 'm');
  for (let i = 0; i < 4; i += 1) {
    const [binary, text] = [message, message.toString('latin1')];
    for (const one of [binary, text]) {
      const heard = once(socket, 'message');
      socket.send(one);
      const [data, isBinary] = await heard;
      t.equal(isBinary, one === binary);
      t.ok(message.equals(data as Buffer));
    }
  }
  const pong = once(socket, 'pong');
  socket.ping('are you there');
  t.equal(String((await pong)[0]), 'are you there');
  const closed = once(far, 'close');
  socket.close(4001, 'enough');
  t.strictSame((await closed).map(String), ['4001', 'enough']);
});

t.test('a WebSocket ends on both sides, whoever breaks off', async (t) => {
  for (const breaker of ['client', 'app']) {
    const joined = once(sockets, 'connection') as Promise<[WebSocket]>;
    const headers = { host: `wiki.localhost:${localPort}` };
    const socket = new WebSocket(`ws://127.0.0.1:${localPort}/socket`, { headers });
    await once(socket, 'open');
    const [far] = await joined;
    const [here, there] = breaker === 'client' ? [socket, far] : [far, socket];
    there.on('error', () => {});
    const closed = once(there, 'close');
    here.terminate();
    t.equal((await closed)[0], 1006, `by the ${breaker}`);
  }
});

t.test('trailers: of the answer they come through, of the request they end at the agent', async (t) => {
  app.on('/trailers', (req, res) => {
    req.resume().on('end', () => {
      res.writeHead(200, { trailer: 'X-Sum' });
      res.write(JSON.stringify(req.trailers));
      res.addTrailers([
        ['X-Sum', '42'],
        ['Postern-Verdict', 'allow'],
        ['Postern_Identity', 'forged'],
        ['X_User', 'root'],
        ['Set-Cookie', 'a=1'],
      ]);
      res.end();
    });
  });
  const sent = start({ path: '/trailers', method: 'POST', headers: { trailer: 'X-Up', te: 'trailers' } });
  sent.addTrailers({ 'X-Up': '1', 'Postern-Identity': 'forged', 'X-User': 'root' });
  sent.end('body');
  const answer = await readWhole(await answerTo(sent));
  t.equal(answer.text, '{}', 'undici sends no trailers of requests, and nothing says that there were any');
  t.strictSame(answer.rawTrailers, ['X-Sum', '42']);
  t.equal(answer.headers.trailer, 'X-Sum');
});

t.test(
  'Expect: 100-continue: the body is asked for when everything in front of the app has agreed, and else never',
  async (t) => {
    app.on('/expected', (req, res) => {
      t.equal(req.headers.expect, undefined, 'the agent has answered it');
      void req.toArray().then((parts) => res.end(Buffer.concat(parts as Buffer[])));
    });
    const sent = start({ path: '/expected', method: 'PUT', headers: { expect: '100-continue', 'content-length': 4 } });
    const go = once(sent, 'continue');
    sent.flushHeaders();
    await go;
    sent.end('body');
    t.equal((await readWhole(await answerTo(sent))).text, 'body');

    chain.core.refusals.push(new PosternError('not-allowed'));
    const refused = start({
      path: '/expected',
      method: 'PUT',
      headers: { expect: '100-continue', 'content-length': 4 },
    });
    refused.on('continue', () => t.fail('a body was asked for'));
    refused.flushHeaders();
    t.equal((await answerTo(refused)).statusCode, 403);
    refused.destroy();
  },
);

t.test('an abort on either side reaches the other', async (t) => {
  const whileUp = asked('/up');
  const up = start({ path: '/up', method: 'PUT', headers: { 'content-length': 1000 } });
  up.on('error', () => {});
  up.write('part');
  const { req } = await whileUp;
  await once(req, 'data');
  up.destroy();
  t.equal(await ended(req), false, 'the app sees an upload that is not whole');

  const whileDown = asked('/down');
  const down = start({ path: '/down' });
  down.end();
  const { res } = await whileDown;
  res.writeHead(200, { 'content-length': 1000 });
  res.write('part');
  const answer = await answerTo(down);
  await once(answer, 'data');
  res.destroy();
  t.equal(await ended(answer), false, 'the client sees an answer that is not whole');

  const whileChunked = asked('/chunked');
  const chunked = start({ path: '/chunked' });
  chunked.end();
  const other = (await whileChunked).res;
  other.write('part');
  const begun = await answerTo(chunked);
  await once(begun, 'data');
  other.destroy();
  t.equal(await ended(begun), false, 'chunked too');

  const unanswered = asked('/unanswered');
  const waiting = start({ path: '/unanswered' });
  waiting.on('error', () => {});
  waiting.end();
  const left = (await unanswered).res;
  const heard = once(left, 'close');
  waiting.destroy();
  await heard;
  t.pass('a client that does not wait for its answer is heard of');
});

t.test('an answer that begins while the body is still being sent', async (t) => {
  app.on('/echo', (req, res) => {
    res.writeHead(200);
    req.pipe(res);
  });
  const sent = start({ path: '/echo', method: 'POST' });
  sent.write('one');
  const answer = await answerTo(sent);
  t.equal(String((await once(answer, 'data'))[0]), 'one', 'before the second is sent');
  const heard = once(answer, 'data');
  sent.write('two');
  t.equal(String((await heard)[0]), 'two', 'before the end');
  sent.end();
  await once(answer, 'end');
});

t.test('P21 a handshake that the app refuses ends both connections', async (t) => {
  const there = Promise.withResolvers<Socket>();
  // The server of WebSockets knows this path not.
  app.server.prependOnceListener('upgrade', (_req, socket) => there.resolve(socket as Socket));
  const client = connect(localPort, '127.0.0.1');
  client.write(
    `GET /no-socket HTTP/1.1\r\nHost: wiki.localhost:${localPort}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const text = String(Buffer.concat((await client.toArray()) as Buffer[]));
  t.match(text, /^HTTP\/1\.1 400 [\s\S]*connection: close\r\n[\s\S]*Bad Request$/i);
  const socket = await there.promise;
  if (!socket.destroyed) await once(socket, 'close');
  t.pass('both have ended');
});

t.test('every access has its opening and its closing record', async (t) => {
  const { opened, closed } = gw.records;
  t.ok(opened.length > 10);
  const open = () => opened.filter(({ id }) => !closed.some(({ opening }) => opening === id));
  while (open().length > 0) await new Promise((resolve) => setImmediate(resolve));
  t.equal(closed.filter(({ phase }) => phase === 'closing').length, opened.length);
});
