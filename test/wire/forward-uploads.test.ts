import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import t from 'tap';
import { Client, httpApp, rawApp, rig, untilStill } from './forward-rig.ts';

const post = (more: string) => `POST / HTTP/1.1\r\nHost: x\r\n${more}\r\n\r\n`;

async function textOf(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of req) text += String(part);
  return text;
}

t.test('a body arrives as it was framed; an empty one too', async (t) => {
  const app = await httpApp(t, (req, res) => {
    void textOf(req).then((text) => {
      res.end(`[${req.headers['content-length']}|${req.headers['transfer-encoding']}|${text}]`);
    });
  });
  const proxy = await rig(t, app);
  const cases: [string, string][] = [
    [`${post('Content-Length: 5')}hello`, '[5|undefined|hello]'],
    [`${post('Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\nX-Trailer: dropped\r\n\r\n`, '[undefined|chunked|hello]'],
    [post('Content-Length: 0'), '[0|undefined|]'],
    [`${post('Transfer-Encoding: chunked')}0\r\n\r\n`, '[0|undefined|]'],
    ['DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi', '[2|undefined|hi]'],
    ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi', '[2|undefined|hi]'],
  ];
  const client = new Client(t, proxy.port);
  for (const [request, answer] of cases)
    await client
      .send(request)
      .until(answer)
      .then(() => (client.text = ''));
  await proxy.outcome(cases.length - 1);
  t.same(
    proxy.outcomes.map(({ ended, bytesUp }) => `${ended} ${bytesUp}`),
    [5, 5, 0, 0, 2, 2].map((bytes) => `complete ${bytes}`),
  );
});

t.test('a buffered body replaces what the request would give', async (t) => {
  const app = await httpApp(t, (req, res) => void textOf(req).then((text) => res.end(`[${text}]`)));
  const proxy = await rig(t, app, { bufferedBody: Buffer.from('kept') });
  await new Client(t, proxy.port).send(`${post('Content-Length: 4')}lost`).until('[kept]');
  t.match(await proxy.outcome(), { ended: 'complete', bytesUp: 4 });
});

t.test(
  'too large a body is refused: by its length before the app hears of it, by its chunks when it is reached',
  async (t) => {
    let requests = 0;
    let completed = 0;
    const broken = Promise.withResolvers<void>();
    const app = await httpApp(t, (req) => {
      requests += 1;
      req.on('data', () => {});
      req.on('end', () => (completed += 1));
      req.on('error', () => broken.resolve());
    });
    const proxy = await rig(t, app, { maxBodyBytes: 10 });
    const client = new Client(t, proxy.port);
    client.send(`${post('Content-Length: 11')}12345678901`);
    t.match(await client.until('body-too-large'), /^HTTP\/1\.1 413 /);
    t.equal(requests, 0);

    const chunks = new Client(t, proxy.port).send(`${post('Transfer-Encoding: chunked')}8\r\n12345678\r\n`);
    while (requests === 0) await new Promise((resolve) => setImmediate(resolve));
    chunks.send('3\r\nabc\r\n');
    t.match(await chunks.until('body-too-large'), /^HTTP\/1\.1 413 /);
    await broken.promise;
    t.equal(completed, 0, 'the app never saw an end');
    t.match(await proxy.outcome(1), { ended: 'refused', error: { code: 'body-too-large' } });
    chunks.send('0\r\n\r\n').text = '';
    chunks.send(`${post('Content-Length: 11')}`);
    await chunks.until('413');
  },
);

t.test('an upload that breaks off never looks complete to the app', async (t) => {
  const breaks: [string, (client: Client) => void][] = [
    ['Content-Length: 100', (client) => client.socket.destroy()],
    ['Transfer-Encoding: chunked', (client) => client.socket.destroy()],
    ['Transfer-Encoding: chunked', (client) => client.send('zz\r\nnot a chunk\r\n')],
  ];
  for (const [framing, breakOff] of breaks) {
    let text = '';
    const got = Promise.withResolvers<void>();
    const app = await rawApp(t, (socket) => {
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('part')) got.resolve();
      });
      socket.on('close', () => closed.resolve());
      socket.on('end', () => socket.destroy());
    });
    const closed = Promise.withResolvers<void>();
    const proxy = await rig(t, app);
    const client = new Client(t, proxy.port).send(`${post(framing)}4\r\npart\r\n`);
    await got.promise;
    breakOff(client);
    t.match(await proxy.outcome(), { ended: 'client-abort' });
    await closed.promise;
    t.notMatch(text, /\r\n0\r\n\r\n/);
  }
});

t.test('an app that answers before it has read the body is heard', async (t) => {
  const app = await rawApp(t, (socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno'));
  });
  const proxy = await rig(t, app);
  const client = new Client(t, proxy.port).send(`${post('Content-Length: 100')}part`);
  t.match(await client.until('no'), /^HTTP\/1\.1 403 /);
  t.match(await proxy.outcome(), { ended: 'complete', status: 403 });
  client.send('x'.repeat(96)).text = '';
  client.send(`${post('Content-Length: 100')}part`);
  t.match(await client.until('no'), /^HTTP\/1\.1 403 /, 'the rest was thrown away and the connection lives on');
});

t.test('a stall is told apart: the client that sends nothing, the app that takes nothing', async (t) => {
  const idle = { connectMs: 0, firstByteMs: 0, idleMs: 30 };
  const app = await rawApp(t, (socket) => socket.resume());
  const proxy = await rig(t, app, { timeouts: idle });
  new Client(t, proxy.port).send(`${post('Content-Length: 100')}part`);
  t.match(await proxy.outcome(), { ended: 'client-abort', error: { code: 'bad-request' } });

  const deaf = await rawApp(t, () => {});
  const full = await rig(t, deaf, { timeouts: idle });
  const client = new Client(t, full.port).send(post(`Content-Length: ${64 * 1024 * 1024}`));
  client.send(Buffer.alloc(64 * 1024 * 1024, 'x'));
  await client.until('app-timeout');
  t.match(await full.outcome(), { ended: 'refused', error: { code: 'app-timeout' } });
  client.socket.destroy();
  await once(client.socket, 'close');
});

t.test('a client whose upload was held up can finish it, read the early answer and go on', async (t) => {
  const total = 32 * 1024 * 1024;
  const held = Promise.withResolvers<void>();
  let up = 0;
  const app = await rawApp(t, (socket) => {
    socket.once('data', () => {
      socket.pause();
      void held.promise.then(() => socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'));
    });
  });
  const proxy = await rig(t, app, { onBytes: (direction, bytes) => (up += direction === 'up' ? bytes : 0) });
  const client = new Client(t, proxy.port).send(post(`Content-Length: ${total}`));
  client.send(Buffer.alloc(total, 'x'));
  await untilStill(() => up);
  held.resolve();
  await client.until('no');
  t.match(await proxy.outcome(), { ended: 'complete', status: 403 });
  t.ok(up < total);
  client.text = '';
  client.send(post('Content-Length: 0'));
  t.match(await client.until('403'), /^HTTP/, 'the rest was thrown away');
});
