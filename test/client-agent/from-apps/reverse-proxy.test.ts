/** Apps at `http://<app>.localhost`: what the app gets, what the client gets back, and what is repeated. */
import { createHash } from 'node:crypto';
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { refuseAsGateway } from '../../support/fake-agent-core.ts';
import { ask, letInto, localRig, navigation, RawClient } from './local-rig.ts';

t.test('a request goes to the app under its own name, with a grant', async (t) => {
  const rig = await localRig(t);
  const answer = await ask(rig.port, {
    host: `wiki.localhost:${rig.port}`,
    path: '/a/b?q=1',
    headers: { 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6', cookie: 'sid=1', 'x-own': 'kept' },
  });
  t.equal(answer.status, 200);
  t.equal(answer.body, 'from the app');
  t.match(rig.got, [
    { url: '/a/b?q=1', headers: { host: 'wiki.corp.internal', 'postern-grant': 'grant-1', cookie: 'sid=1' } },
  ]);
  t.match(rig.got[0]!.headers, { 'x-own': 'kept', 'postern-trace': /^[0-9a-f]{32}$/ });
  t.notOk(Object.keys(rig.got[0]!.headers).some((name) => /forwarded/.test(name)));
  t.same(rig.core.asked[0]!.exact, { method: 'GET', host: 'wiki.corp.internal', path: '/a/b', query: 'q=1' });
  t.ok(rig.core.activities > 0, 'it counts as activity');
});

t.test('over IPv6 loopback too', async (t) => {
  const rig = await localRig(t);
  const client = new RawClient(t, rig.port, '::1');
  client.send(`GET / HTTP/1.1\r\nHost: wiki.localhost:${rig.port}\r\nConnection: close\r\n\r\n`);
  t.match(await client.rest(), /^HTTP\/1.1 200 [\s\S]*from the app/);
});

t.test('a refusal with renew is repeated once, with its body', async (t) => {
  const bodies: string[] = [];
  let refusals = 1;
  const rig = await localRig(t, {
    onRequest: (req, res) => {
      let body = '';
      req.on('data', (chunk) => {
        body += chunk;
      });
      req.on('end', () => {
        bodies.push(`${req.headers['postern-grant']} ${body}`);
        if (refusals-- > 0) refuseAsGateway(res, new PosternError('grant-expired'));
        else res.end('done');
      });
    },
  });
  const host = `wiki.localhost:${rig.port}`;
  const answer = await ask(rig.port, { host, method: 'POST', body: 'the body' });
  t.equal(answer.body, 'done');
  t.same(bodies, ['grant-1 the body', 'grant-2 the body']);

  refusals = 2;
  const second = await ask(rig.port, { host, method: 'POST', body: 'x' });
  t.equal(second.status, 401);
  t.match(JSON.parse(second.body), { code: 'grant-expired', next: 'renew' });
  t.equal(second.headers['postern-verdict'], undefined);
});

t.test('a refusal that comes before the body has been sent is repeated with the whole of it', async (t) => {
  let first = true;
  const bodies: string[] = [];
  const rig = await localRig(t, {
    onRequest: (req, res) => {
      if (first) {
        first = false;
        refuseAsGateway(res, new PosternError('grant-expired'));
        return;
      }
      let body = '';
      req.on('data', (chunk) => {
        body += chunk;
      });
      req.on('end', () => {
        bodies.push(body);
        res.end('done');
      });
    },
  });
  const body = Buffer.alloc(900_000, 'abcdefghij');
  const answer = await ask(rig.port, { host: `wiki.localhost:${rig.port}`, method: 'PUT', body });
  t.equal(answer.body, 'done');
  t.equal(bodies[0], body.toString());
});

t.test('a body over 1 MiB streams and is not repeated', async (t) => {
  const rig = await localRig(t, {
    onRequest: (req, res) => {
      req.resume().on('end', () => refuseAsGateway(res, new PosternError('grant-expired')));
    },
  });
  const body = Buffer.alloc(1024 * 1024 + 1);
  const answer = await ask(rig.port, { host: `wiki.localhost:${rig.port}`, method: 'PUT', body });
  t.equal(answer.status, 401);
  t.equal(rig.got.length, 1);
  const chunked = await ask(rig.port, {
    host: `wiki.localhost:${rig.port}`,
    method: 'PUT',
    body,
    headers: { 'transfer-encoding': 'chunked' },
  });
  t.equal(chunked.status, 401);
  t.equal(rig.got.length, 2);
});

t.test('a request waits for the person, and a navigation does not', async (t) => {
  const rig = await localRig(t);
  const host = `wiki.localhost:${rig.port}`;
  rig.core.refusals.push(new PosternError('step-up-required'));
  const held = new Promise<void>((resolve) => {
    rig.core.onHold = resolve;
  });
  const waiting = ask(rig.port, { host, method: 'POST', body: 'kept meanwhile' });
  await held;
  t.equal(rig.got.length, 0);
  rig.core.act();
  t.equal((await waiting).body, 'from the app');
  t.equal(rig.got.length, 1);

  rig.core.refusals.push(
    new PosternError('device-unfit', undefined, { extra: { fixes: [{ text: 'Turn <it> on' }] }, tell: 'No firewall' }),
  );
  const cookie = await letInto(rig, 'wiki');
  const page = await ask(rig.port, { host, headers: { ...navigation, cookie } });
  t.equal(page.status, 403);
  t.match(page.body, /No firewall[\s\S]*Turn &#60;it&#62; on/);
  t.match(page.body, `href="http://postern.localhost:${rig.port}/#/device"`);
  t.same(
    rig.core.asked.map(({ hold }) => hold),
    [true, false],
  );
});

t.test('a client that leaves while it is held is forgotten', async (t) => {
  const rig = await localRig(t);
  rig.core.refusals.push(new PosternError('step-up-required'));
  const held = new Promise<void>((resolve) => {
    rig.core.onHold = resolve;
  });
  const client = new RawClient(t, rig.port).send(`GET / HTTP/1.1\r\nHost: wiki.localhost:${rig.port}\r\n\r\n`);
  await held;
  const left = new Promise<void>((resolve) => {
    rig.core.onLeft = resolve;
  });
  client.socket.destroy();
  await left;
  const after = await ask(rig.port, { host: `wiki.localhost:${rig.port}` });
  t.equal(after.status, 200);
  t.equal(rig.got.length, 1, 'only the second was sent');
});

t.test('Expect: 100-continue is answered once there is a grant', async (t) => {
  const rig = await localRig(t);
  const head = (host: string) =>
    `POST / HTTP/1.1\r\nHost: ${host}:${rig.port}\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n`;
  const client = new RawClient(t, rig.port).send(head('wiki.localhost'));
  await client.until((text) => text.includes('100 Continue'));
  client.send('body');
  t.match(await client.rest(), /100 Continue\r\n\r\nHTTP\/1.1 200 /);

  rig.core.refusals.push(new PosternError('not-allowed'));
  const refused = new RawClient(t, rig.port).send(head('wiki.localhost'));
  t.match(await refused.rest(), /^HTTP\/1.1 403 /, 'no body is asked for in vain');
});

t.test('trailers and server-sent events come through', async (t) => {
  const rig = await localRig(t, {
    onRequest: (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream', trailer: 'x-sum' });
      res.write('data: 1\n\n');
      rig.core.onHold = () => {
        res.addTrailers({ 'x-sum': 'seven' });
        res.end('data: 2\n\n');
      };
    },
  });
  const client = new RawClient(t, rig.port);
  client.send(`GET /events HTTP/1.1\r\nHost: wiki.localhost:${rig.port}\r\nConnection: close\r\n\r\n`);
  await client.until((text) => text.includes('data: 1'));
  rig.core.onHold();
  t.match(await client.rest(), /data: 2[\s\S]*x-sum: seven/i);
});

t.test('WebSocket: both ways, and refused by the gateway first', async (t) => {
  let refusals = 1;
  const rig = await localRig(t, {
    onUpgrade: (req, socket) => {
      if (refusals-- > 0) {
        socket.end(
          'HTTP/1.1 401 No\r\npostern-verdict: grant-expired\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
        );
        return;
      }
      const accept = createHash('sha1').update(
        `${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
      );
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n${req.headers.host} ${req.headers['postern-grant']};`,
      );
      socket.pipe(socket);
    },
  });
  const client = new RawClient(t, rig.port);
  client.send(
    `GET /ws HTTP/1.1\r\nHost: wiki.localhost:${rig.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\nearly`,
  );
  t.match(await client.until((text) => text.includes('early')), /101 [\s\S]*wiki.corp.internal grant-2;early/);
  const before = rig.core.activities;
  client.send('ping');
  t.match(await client.until((text) => text.includes('ping')), /;earlyping$/);
  t.ok(rig.core.activities > before, 'client bytes are activity');
});

t.test(
  'while no list of apps could be had, an app is not called unknown: what stands in the way is told',
  async (t) => {
    const rig = await localRig(t);
    rig.core.setApps([]);
    const told = async () => JSON.parse((await ask(rig.port, { host: `wiki.localhost:${rig.port}` })).body);
    t.match(await told(), { status: 404, code: 'not-found' });
    rig.core.controller = { reachable: false };
    t.match(await told(), { status: 503, code: 'unavailable', detail: /postern doctor/ });
    const trouble = { leg: 'clock', says: 'The clock is wrong.', fix: 'Set it.', name: 'clock' } as const;
    rig.core.controller = { reachable: false, trouble };
    t.match(await told(), { status: 503, leg: 'clock', detail: 'The clock is wrong. Set it.' });
  },
);

t.test('what cannot be served is explained to programs in JSON', async (t) => {
  const rig = await localRig(t);
  const code = async (host: string, path = '/') => JSON.parse((await ask(rig.port, { host, path })).body).code;
  t.equal(await code(`unknown.localhost:${rig.port}`), 'not-found');
  t.equal(await code(`db.localhost:${rig.port}`), 'not-found', 'a TCP app is no site');
  t.equal(await code(`wiki.localhost:${rig.port}`, '/.postern/hello'), 'not-found');
  t.equal(await code(`wiki.localhost:${rig.port}`, '/%2Epostern/hello'), 'not-found');
  t.equal(await code(`wiki.localhost:${rig.port}`, '/.postern-local/x'), 'not-found');
  t.equal(await code(`wiki.localhost:${rig.port}`, '/%00'), 'request-refused');
  rig.core.signedIn = false;
  rig.core.list = [];
  t.equal(await code(`wiki.localhost:${rig.port}`), 'session-required');
  const problem = JSON.parse((await ask(rig.port, { host: `wiki.localhost:${rig.port}` })).body);
  t.equal(problem.portal, `http://postern.localhost:${rig.port}/#/sign-in?app=wiki&then=%2F`, 'where to sign in');
  t.equal(rig.got.length, 0);
  const page = await ask(rig.port, { host: `wiki.localhost:${rig.port}`, headers: navigation });
  t.equal(page.status, 401);
  t.match(page.body, `href="http://postern.localhost:${rig.port}/#/sign-in?app=wiki&#38;then=%2F"`);
});
