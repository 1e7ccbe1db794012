/** Connections to an app that are lost for ever, and requests that are kept after their end: whoever may ask at all could use up both. */
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import type { Dispatcher } from 'undici';
import type { HttpApp } from '#shared/contracts/app.ts';
import { issueLeaf } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { startForward } from '#shared/wire/forwarder.ts';
import { AppConnections } from '../../gateway/to-apps/app-connections.ts';
import { greetingName, upstreamConnector } from '../../gateway/to-apps/upstream-tls.ts';
import { httpApp } from '../support/gateway-apps.ts';
import { makeWorld } from '../support/gateway-world.ts';

const world = await makeWorld();

async function identityFor(name: string) {
  const keys = generateKeyPair();
  const { pem } = await issueLeaf({
    issuer: world.issuer,
    publicKey: keys.publicKey,
    spiffeId: 'spiffe://postern.test/device/upstream',
    now: Date.now(),
    dnsNames: [name],
  });
  const key = String(keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { key, cert: [pem, world.issuer.certificate].join('\n') };
}

/** What came of it: a status, or the message of an error. */
function ask(connections: AppConnections, servername: string): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>();
  let status = 0;
  const handler: Dispatcher.DispatchHandler = {
    onConnect: () => {},
    onHeaders: (code) => {
      status = code;
      return true;
    },
    onData: () => true,
    onComplete: () => resolve(status),
    onError: (error) => resolve(error.message),
  };
  connections.dispatch({ path: '/', method: 'GET', servername } as Dispatcher.DispatchOptions, handler);
  return promise;
}

t.test('P27: an app that shows a certificate of another name uses up no connection', async (t: Test) => {
  const server = createServer(await identityFor('wrong.internal'), (_, res) => res.end('ok'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const app = httpApp(0, {
    upstream: `https://127.0.0.1:${port}`,
    tls: { ca: world.root.certificate, serverName: 'wiki.internal' },
  }) as HttpApp;
  const connect = upstreamConnector(app, { timeout: 10_000, credential: () => ({}) as never });
  const connections = new AppConnections(app.upstream, { connect, headersTimeout: 0, bodyTimeout: 0 }, 1);
  t.teardown(() => connections.destroy());
  for (const _ of [1, 2, 3]) t.match(await ask(connections, greetingName(app)), /altnames/);
  server.setSecureContext(await identityFor('wiki.internal'));
  t.equal(await ask(connections, greetingName(app)), 200, 'and is reached once it is mended');
  server.closeAllConnections();
});

async function listen(t: Test, answer: RequestListener): Promise<number> {
  const server = createHttpServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

t.test('P27: while streams hold every connection of an app, what gave up waiting is not kept', async (t: Test) => {
  const seen: string[] = [];
  const app = await listen(t, (req, res) => {
    seen.push(req.url!);
    res.writeHead(200).flushHeaders();
  });
  const origin = `http://127.0.0.1:${app}`;
  const connections = new AppConnections(origin, { headersTimeout: 0, bodyTimeout: 0 }, 1);
  t.teardown(() => connections.destroy());
  const kept: WeakRef<object>[] = [];
  const dispatcher: Pick<Dispatcher, 'dispatch'> = {
    dispatch: (options, handler) => {
      kept.push(new WeakRef(handler));
      return connections.dispatch(options, handler);
    },
  };
  const timeouts = { connectMs: 20, firstByteMs: 0, idleMs: 0 };
  const proxy = await listen(t, (req, res) => {
    const onEnd = () => res.headersSent || res.writeHead(504).end();
    startForward(req, res, { dispatcher, origin, method: 'GET', path: req.url!, headers: [], timeouts, onEnd });
  });
  const ask = async (path: string) => {
    const [response] = await once(request({ port: proxy, path, agent: false }).end(), 'response');
    return response.resume();
  };
  const stream = await ask('/stream');
  t.equal(stream.statusCode, 200);
  const inHand = 20;
  for (let n = 0; n < 400; n += inHand) {
    const answers = await Promise.all(Array.from({ length: inHand }, (_, k) => ask(`/${n + k}`)));
    if (answers.some(({ statusCode }) => statusCode !== 504)) t.fail('one was answered');
  }
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (const _ of [1, 2, 3]) {
    await new Promise(setImmediate);
    gc();
  }
  const left = kept.filter((ref) => ref.deref() !== undefined).length;
  t.ok(left < 200, `${left} of ${kept.length} are kept`);
  stream.destroy();
  const next = await ask('/next');
  t.equal(next.statusCode, 200, 'and the next one has the connection');
  t.same(seen, ['/stream', '/next'], 'nothing was sent that nobody waits for');
  next.destroy();
});
