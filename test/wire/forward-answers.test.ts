import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { Client, httpApp, rawApp, rig } from './forward-rig.ts';

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

t.test('a plain answer keeps status, headers, repeated headers and body', async (t) => {
  const app = await httpApp(t, (req, res) => {
    res.writeHead(418, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Path', req.url!, 'Postern-Verdict', 'forged']);
    res.end('tea');
  });
  const proxy = await rig(t, app);
  const client = new Client(t, proxy.port).send('GET /p?q=1 HTTP/1.1\r\nHost: x\r\n\r\n');
  const text = await client.until('tea');
  t.match(text, /^HTTP\/1\.1 418 /);
  t.match(text, /Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Path: \/p\?q=1\r\n/);
  t.notMatch(text, /postern-verdict/i);
  t.match(await proxy.outcome(), { ended: 'complete', status: 418, bytesUp: 0, bytesDown: 3 });
  client.send(get);
  await proxy.outcome(1);
  t.equal(client.closed, false, 'the connection is kept alive');
});

t.test('HEAD, 204 and 304 have no body, and the connection stays usable', async (t) => {
  const app = await rawApp(t, (socket) => {
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString();
      if (text.startsWith('HEAD')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n');
      else if (text.startsWith('GET /304'))
        socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: "e"\r\n\r\n');
      else if (text.startsWith('GET /204')) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast');
    });
  });
  const proxy = await rig(t, app);
  const client = new Client(t, proxy.port);
  client.send('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n');
  t.match(await client.until('\r\n\r\n'), /content-length: 1234/i);
  client.send('GET /304 HTTP/1.1\r\nHost: x\r\n\r\n');
  t.match(await client.until('"e"'), /304 Not Modified/);
  await proxy.outcome(1);
  client.send('GET /204 HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until('204 No Content');
  await proxy.outcome(2);
  client.send(get);
  await client.until('last');
  await proxy.outcome(3);
  t.same(
    proxy.outcomes.map(({ ended, bytesDown }) => [ended, bytesDown]),
    [
      ['complete', 0],
      ['complete', 0],
      ['complete', 0],
      ['complete', 4],
    ],
  );
});

t.test('an event arrives while the answer is still open, and its head before any event', async (t) => {
  let write: (text: string) => void = () => {};
  const app = await httpApp(t, (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.flushHeaders();
    write = (text) => res.write(text);
  });
  const proxy = await rig(t, app);
  const client = new Client(t, proxy.port).send(get);
  await client.until('text/event-stream');
  write('data: one\n\n');
  await client.until('data: one');
  write('data: two\n\n');
  await client.until('data: two');
  t.equal(proxy.outcomes.length, 0, 'the answer has not ended');
  client.socket.destroy();
  t.match(await proxy.outcome(), { ended: 'client-abort', status: 200 });
});

t.test('pieces of every size keep their order when they come at once', async (t) => {
  const pieces = ['abc', 'd'.repeat(3000), 'e'.repeat(9000), 'f', 'g'.repeat(100)];
  const chunked = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
  const app = await rawApp(t, (socket) => {
    socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}0\r\n\r\n`));
  });
  const proxy = await rig(t, app);
  const text = await new Client(t, proxy.port).send(get).until('\r\n0\r\n\r\n');
  const body = text.slice(text.indexOf('\r\n\r\n') + 4).replaceAll(/[0-9a-f]+\r\n([a-g]*)\r\n/g, '$1');
  t.equal(body, pieces.join(''));
  t.match(await proxy.outcome(), { ended: 'complete', bytesDown: pieces.join('').length });
});

t.test('trailers pass, forbidden and identity ones do not', async (t) => {
  const app = await rawApp(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n');
      socket.write('X-Sum: 42\r\nPostern-Identity: forged\r\nSet-Cookie: a=1\r\nX_Sum: 1\r\n\r\n');
    });
  });
  const proxy = await rig(t, app);
  const text = await new Client(t, proxy.port).send(get).until('0\r\nX-Sum: 42\r\n\r\n');
  t.match(text, /Trailer: X-Sum\r\n/);
  t.notMatch(text, /postern-identity|set-cookie|x_sum/i);
});

t.test('an announced trailer is withheld from an HTTP/1.0 client', async (t) => {
  const app = await httpApp(t, (_req, res) => {
    res.writeHead(200, { trailer: 'x-sum' });
    res.write('abc');
    res.addTrailers({ 'x-sum': '42' });
    res.end();
  });
  const proxy = await rig(t, app);
  const text = await new Client(t, proxy.port).send('GET / HTTP/1.0\r\nHost: x\r\n\r\n').end();
  t.match(text, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nabc$/);
  t.notMatch(text, /trailer/i);
});

t.test('103 is forwarded before the answer, and only its links', async (t) => {
  const app = await httpApp(t, (_req, res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload', 'x-secret': '1' });
    res.end('body');
  });
  const proxy = await rig(t, app);
  const text = await new Client(t, proxy.port).send(get).until('body');
  t.match(text, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK/i);
  t.notMatch(text, /x-secret/);
});

t.test('an app that breaks in the middle breaks the answer, by length and by chunks', async (t) => {
  for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    const app = await rawApp(t, (socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n4\r\npart\r\n`));
    });
    const proxy = await rig(t, app);
    const text = await new Client(t, proxy.port).send(get).end();
    t.match(text, /part/);
    t.notMatch(text, /0\r\n\r\n$/, 'no chunk that says the end');
    t.match(await proxy.outcome(), { ended: 'app-abort', status: 200, error: { code: 'app-unreachable' } });
  }
});

t.test('what goes wrong before the answer is for the caller to tell', async (t) => {
  const answers: [string, string][] = [
    ['', 'app-unreachable'],
    ['nonsense\r\n\r\n', 'app-broken'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 'app-broken'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 'app-broken'],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 'app-broken'],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'app-broken'],
  ];
  for (const [answer, code] of answers) {
    const app = await rawApp(t, (socket) => {
      socket.once('data', () => socket.end(answer));
    });
    const proxy = await rig(t, app);
    const client = new Client(t, proxy.port).send(get);
    t.match(await client.until(code), /^HTTP\/1\.1 502 /, JSON.stringify(answer));
    const outcome = await proxy.outcome();
    t.match(outcome, { ended: 'refused', error: { code } });
    t.equal(outcome.status, undefined, 'no record says that it was answered');
  }
  const nobody = await rig(t, 1);
  await new Client(t, nobody.port).send(get).until('app-unreachable');
});

t.test('timeouts: no answer, and an answer that stalls', async (t) => {
  const silent = await rawApp(t, () => {});
  const first = await rig(t, silent, { timeouts: { connectMs: 0, firstByteMs: 20, idleMs: 0 } });
  t.match(await new Client(t, first.port).send(get).until('app-timeout'), /^HTTP\/1\.1 504 /);

  const stalling = await rawApp(t, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart'));
  });
  const idle = await rig(t, stalling, { timeouts: { connectMs: 0, firstByteMs: 0, idleMs: 20 } });
  t.match(await new Client(t, idle.port).send(get).end(), /part$/);
  t.match(await idle.outcome(), { ended: 'app-abort', error: { code: 'app-timeout' } });
});

t.test('a client that goes away aborts the app, before and during the answer', async (t) => {
  for (const begin of [false, true]) {
    const closed = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const app = await httpApp(t, (_req, res) => {
      if (begin) res.write('begun');
      res.on('close', () => closed.resolve());
      asked.resolve();
    });
    const proxy = await rig(t, app);
    const client = new Client(t, proxy.port).send(get);
    await asked.promise;
    if (begin) await client.until('begun');
    client.socket.destroy();
    t.match(await proxy.outcome(), { ended: 'client-abort' });
    await closed.promise;
  }
});

t.test('a cut by signal: silent before the answer, destructive during it', async (t) => {
  const app = await httpApp(t, (req, res) => {
    if (req.url === '/begun') res.write('begun');
  });
  const why = new PosternError('grant-revoked');
  const cutter = new AbortController();
  const proxy = await rig(t, app, { signal: cutter.signal });
  const client = new Client(t, proxy.port).send('GET /begun HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.until('begun');
  cutter.abort(why);
  t.match(await proxy.outcome(), { ended: 'cut', status: 200, error: { code: 'grant-revoked' } });
  await client.end();
  t.notMatch(client.text, /0\r\n\r\n$/);
  new Client(t, proxy.port).send(get);
  t.match(await proxy.outcome(1), { ended: 'cut', error: { code: 'grant-revoked' } }, 'aborted before it began');
});

t.test('beforeSend refuses in the last moment and no byte reaches the app', async (t) => {
  let bytes = 0;
  const app = await rawApp(t, (socket) => socket.on('data', (chunk: Buffer) => (bytes += chunk.length)));
  const proxy = await rig(t, app, { beforeSend: () => new PosternError('grant-revoked') });
  await new Client(t, proxy.port).send(get).until('grant-revoked');
  t.equal(bytes, 0);
});

t.test('keepBack holds an answer for the caller', async (t) => {
  const app = await httpApp(t, (_req, res) => res.writeHead(401, { 'postern-verdict': 'deny' }).end('why'));
  const proxy = await rig(t, app, { keepBack: (status, raw) => status === 401 && raw.includes('postern-verdict') });
  await new Client(t, proxy.port).send(get).until('HTTP/1.1 299');
  t.match(await proxy.outcome(), { ended: 'kept', status: 401, kept: { status: 401, body: Buffer.from('why') } });
});
