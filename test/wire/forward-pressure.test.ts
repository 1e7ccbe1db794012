import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import type { Dispatcher } from 'undici';
import type { ForwardOptions } from '#shared/wire/forward-types.ts';
import { startForward } from '#shared/wire/forwarder.ts';
import { Client, httpApp, listen, rig, timeouts } from './forward-rig.ts';

const mib = 1024 * 1024;

const noAbort = () => {};

type Call = { options: Dispatcher.DispatchOptions; handler: Dispatcher.DispatchHandler };

/** A proxy whose upstream is played by the test, so that the moment of a pause is known exactly. */
async function playedApp(t: Test, more: Partial<ForwardOptions> = {}) {
  const called = Promise.withResolvers<Call>();
  const dispatcher = {
    dispatch: (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) => {
      called.resolve({ options, handler });
      return true;
    },
  };
  const base = { dispatcher, origin: 'http://app.test', path: '/', headers: [], timeouts };
  const outcome = Promise.withResolvers<unknown>();
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    void startForward(req, res, { ...base, method: req.method!, ...more }).done.then(outcome.resolve);
  });
  return { port: await listen(t, server), called: called.promise, outcome: outcome.promise };
}
type Test = { teardown(close: () => unknown): void };

t.test('a reader that stalls pauses the app, and a reader that reads resumes it', async (t) => {
  const proxy = await playedApp(t);
  const client = new Client(t, proxy.port);
  client.socket.pause();
  client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const { handler } = await proxy.called;
  const resumed = Promise.withResolvers<void>();
  handler.onConnect!(noAbort);
  handler.onHeaders!(200, [], resumed.resolve, 'OK');
  const chunk = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  for (let goesOn = true; goesOn && sent < 64 * mib; sent += chunk.length) {
    goesOn = handler.onData!(chunk);
    await turn();
  }
  t.ok(sent < 32 * mib, `paused after ${sent} bytes`);
  client.socket.resume();
  await resumed.promise;
  handler.onComplete!([]);
  t.match(await proxy.outcome, { ended: 'complete', bytesDown: sent });
});

t.test('an app that does not read stops the client', async (t) => {
  let taken = 0;
  const proxy = await playedApp(t, { onBytes: (_direction, bytes) => (taken += bytes) });
  const client = new Client(t, proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${32 * mib}\r\n\r\n`);
  const { options, handler } = await proxy.called;
  const body = options.body as Readable;
  client.send(Buffer.alloc(32 * mib, 'x'));
  for (let i = 0; i < 50; i += 1) await turn();
  t.equal(taken, 0, 'nothing is read before a connection takes the request');
  handler.onConnect!(noAbort);
  body.read(0);
  await once(body, 'readable');
  for (let i = 0; i < 200; i += 1) await turn();
  t.ok(taken > 0 && taken <= 256 * 1024, `${taken} bytes were taken`);
  t.equal(body.readableLength, taken);
  const { length } = await body.toArray().then((parts) => Buffer.concat(parts as Buffer[]));
  t.equal(length, 32 * mib, 'the rest follows when it is read');
});

t.test('64 MiB up and down, chunked and with a length', async (t) => {
  const total = 64 * mib;
  const app = await httpApp(t, (req, res) => {
    res.writeHead(200, { 'x-framing': req.headers['content-length'] ?? req.headers['transfer-encoding'] });
    req.pipe(res);
  });
  const proxy = await rig(t, app);
  const chunk = Buffer.alloc(mib, 'x');
  for (const framing of [{ 'content-length': total }, { 'transfer-encoding': 'chunked' }]) {
    const req = request({ port: proxy.port, host: '127.0.0.1', method: 'POST', headers: framing });
    const answered = once(req, 'response') as Promise<[IncomingMessage]>;
    const sending = (async () => {
      for (let sent = 0; sent < total; sent += chunk.length) if (!req.write(chunk)) await once(req, 'drain');
      req.end();
    })();
    const [res] = await answered;
    t.equal(res.headers['x-framing'], String(Object.values(framing)[0]));
    let received = 0;
    for await (const part of res) received += (part as Buffer).length;
    await sending;
    t.equal(received, total);
  }
  await proxy.outcome(1);
  for (const outcome of proxy.outcomes) t.match(outcome, { ended: 'complete', bytesUp: total, bytesDown: total });
});
