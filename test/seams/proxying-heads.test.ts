/**
 * The proxying list of the design through both halves at once, the part about heads, framing, limits and what must not pass.
 * `proxying-streams.test.ts` is about what runs.
 */
import { Agent as NodeAgent } from 'node:http';
import t from 'tap';
import { answerTo, clientOf, ended, readWhole, startRoutedApp } from '../support/chain-app.ts';
import { httpApp } from '../support/gateway-apps.ts';
import { startChain } from '../support/gateway-chain.ts';

const app = await startRoutedApp(t);
const limited = { maxBodyBytes: 1000, concurrentPerDevice: 1 };
const chain = await startChain(t, [
  httpApp(app.port, { identityHeaders: { 'X-User': 'person' } }),
  httpApp(app.port, { id: 'limited', hosts: ['limited.corp.example'], limits: limited }),
  httpApp(app.port, { id: 'mute', hosts: ['mute.corp.example'], limits: { firstByteMs: 200 } }),
  httpApp(app.port, { id: 'slow', hosts: ['slow.corp.example'], limits: { idleMs: 200 } }),
  httpApp(app.port, { id: 'rated', hosts: ['rated.corp.example'], limits: { requestsPerSecond: 1 } }),
]);
const { localPort, gw } = chain;
const { start, ask } = clientOf(localPort);

t.test('HEAD, 204, 304, 103, bodies of both framings, on one connection', async (t) => {
  const agent = new NodeAgent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  app.on('/head', (_req, res) => res.writeHead(200, { 'content-length': 1234, etag: '"e"' }).end());
  app.on('/204', (_req, res) => res.writeHead(204, { 'x-own': '1' }).end());
  app.on('/304', (_req, res) => res.writeHead(304, { etag: '"e"' }).end());
  app.on('/hints', (_req, res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload', 'x-secret': '1' });
    res.end('after');
  });
  app.on('/framed', (req, res) => {
    void req.toArray().then((parts) => {
      const framing = req.headers['content-length'] ?? req.headers['transfer-encoding'];
      res.end(`${framing} ${Buffer.concat(parts as Buffer[])}`);
    });
  });
  const before = app.sockets.size;
  const ports = new Set<number>();
  const one = async (path: string, method = 'GET', more: Record<string, string> = {}, body?: string) => {
    const sent = start({ path, method, headers: more, agent });
    sent.on('socket', (socket) => socket.connecting && socket.once('connect', () => ports.add(socket.localPort!)));
    const hints: unknown[] = [];
    sent.on('information', (info) => hints.push(info));
    sent.end(body);
    return { ...(await readWhole(await answerTo(sent))), hints };
  };
  for (let round = 0; round < 5; round += 1) {
    t.match(await one('/head', 'HEAD'), { status: 200, text: '', headers: { 'content-length': '1234', etag: '"e"' } });
    t.match(await one('/204'), { status: 204, text: '', headers: { 'x-own': '1' } });
    t.match(await one('/304'), { status: 304, text: '', headers: { etag: '"e"' } });
    const hinted = await one('/hints');
    t.match(hinted, { status: 200, text: 'after' });
    t.match(hinted.hints, [{ statusCode: 103, headers: { link: '</a.css>; rel=preload', 'x-secret': undefined } }]);
    t.equal((await one('/framed', 'PUT', { 'content-length': '5' }, 'hello')).text, '5 hello');
    t.equal((await one('/framed', 'PUT', { 'transfer-encoding': 'chunked' }, 'hello')).text, 'chunked hello');
  }
  t.equal(ports.size, 1, 'the connection of the client is kept');
  // A connection is given up behind 204 and 304 with a length, and behind HEAD: undici cannot tell whether more comes.
  t.ok(app.sockets.size - before <= 20, `${app.sockets.size - before} connections to the app for 30 requests`);
});

t.test('heads of 32,000 bytes both ways', async (t) => {
  app.on('/large', (req, res) => res.writeHead(200, { 'x-large': req.headers['x-large'] as string }).end());
  const large = 'a'.repeat(32_000);
  t.match(await ask({ path: '/large', headers: { 'x-large': large } }), { status: 200, headers: { 'x-large': large } });
  const over = await ask({ path: '/large', headers: { 'x-large': 'a'.repeat(33_000) } });
  t.match(JSON.parse(over.text), { code: 'bad-request', detail: /too large/ });
});

t.test('what belongs to a connection or poses as somebody ends where it is, in either direction', async (t) => {
  app.on('/leaks', (req, res) => {
    res.writeHead(200, [
      ...['Connection', 'X-Hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=9', 'Proxy-Authenticate', 'Basic'],
      ...['Postern-Verdict', 'allow', 'Postern-Identity', 'forged', 'Upgrade', 'h2c', 'Set-Cookie', 'a=1'],
    ]);
    res.end(JSON.stringify(req.rawHeaders));
  });
  const answer = await ask({
    path: '/leaks',
    headers: {
      connection: 'x-hop, keep-alive',
      'x-hop': '1',
      te: 'gzip, trailers',
      'proxy-authorization': 'Basic eA==',
      'x-user': 'root',
      x_user: 'root',
      'x.user': 'root',
      forwarded: 'for=10.0.0.1',
      'x-forwarded-for': '10.0.0.1',
      'x-own': 'kept',
    },
  });
  const names = answer.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
  const own = ['connection', 'date', 'keep-alive', 'postern-trace', 'transfer-encoding'];
  t.strictSame(names.sort(), [...own, 'set-cookie'].sort());
  t.match(answer.headers, { connection: 'keep-alive', 'keep-alive': 'timeout=75' }, "the agent's own");
  const raw = JSON.parse(answer.text) as string[];
  const got = raw.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1]!] as const] : []));
  t.strictSame(got.filter(([name]) => name !== 'postern-identity').sort(), [
    ['connection', 'keep-alive'],
    ['forwarded', 'for=127.0.0.1;host=wiki.corp.example;proto=https'],
    ['host', 'wiki.corp.example'],
    ['te', 'trailers'],
    ['via', '1.1 gw-1'],
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-host', 'wiki.corp.example'],
    ['x-forwarded-proto', 'https'],
    ['x-own', 'kept'],
    ['x-user', 'anna'],
  ]);
  t.equal(got.filter(([name, value]) => name === 'postern-identity' && value !== 'forged').length, 1);
});

t.test('limits and timeouts of an app, each by its own code', async (t) => {
  const codeOf = async (answer: Promise<{ text: string }>) =>
    (JSON.parse((await answer).text) as { code: string }).code;
  app.on('/take', (req, res) => void req.resume().on('end', () => res.end('taken')));
  t.equal((await ask({ app: 'limited', path: '/take', method: 'PUT' }, Buffer.alloc(1000))).text, 'taken');
  t.equal(await codeOf(ask({ app: 'limited', path: '/take', method: 'PUT' }, Buffer.alloc(1001))), 'body-too-large');
  const chunked = { 'transfer-encoding': 'chunked' };
  const long = ask({ app: 'limited', path: '/take', method: 'PUT', headers: chunked }, Buffer.alloc(1001));
  t.equal(await codeOf(long), 'body-too-large', 'chunked too');

  app.on('/never', () => {});
  t.equal(await codeOf(ask({ app: 'mute', path: '/never' })), 'app-timeout', 'no answer in time');

  app.on('/held', (_req, res) => void res.write('running'));
  const held = start({ app: 'limited', path: '/held' });
  held.end();
  await answerTo(held);
  t.equal(await codeOf(ask({ app: 'limited', path: '/take' })), 'limit-reached', 'one at a time');
  held.on('error', () => {});
  held.destroy();

  app.on('/stalls', (_req, stalled) => {
    stalled.writeHead(200, { 'content-length': 100 });
    stalled.write('part');
  });
  const stalling = start({ app: 'slow', path: '/stalls' });
  stalling.end();
  t.equal(await ended(await answerTo(stalling)), false, 'an answer that stands still is broken off');

  t.equal((await ask({ app: 'rated', path: '/take' })).status, 200);
  const answers = await Promise.all([1, 2, 3].map(() => ask({ app: 'rated', path: '/take' })));
  const refused = answers.find(({ status }) => status !== 200)!;
  t.match(refused, { status: 429, headers: { 'retry-after': '1' } });
  t.equal(JSON.parse(refused.text).code, 'limit-reached');
});

t.test('every access has its opening and its closing record', async (t) => {
  const { opened, closed } = gw.records;
  t.ok(opened.length > 30);
  const open = () => opened.filter(({ id }) => !closed.some(({ opening }) => opening === id));
  while (open().length > 0) await new Promise((resolve) => setImmediate(resolve));
  t.equal(closed.filter(({ phase }) => phase === 'closing').length, opened.length);
});
