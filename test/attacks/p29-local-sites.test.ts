/** P29 and P15: names, headers and cookies on the agent's local side. */
import t from 'tap';
import { Check } from 'typebox/value';
import { app } from '#shared/contracts/app.ts';
import {
  ask,
  cookieOf,
  letInto,
  localRig,
  navigation,
  postLink,
  RawClient,
} from '../client-agent/from-apps/local-rig.ts';

t.test('P29: a Host that is no site of ours gets a page that explains, whoever points a name here', async (t) => {
  const rig = await localRig(t);
  const hosts = [
    `127.0.0.1:${rig.port}`,
    `[::1]:${rig.port}`,
    `localhost:${rig.port}`,
    `evil.test:${rig.port}`,
    'wiki.localhost',
    `wiki.localhost:1`,
    `a.wiki.localhost:${rig.port}`,
  ];
  for (const host of hosts) {
    const answer = await ask(rig.port, { host });
    t.equal(answer.status, 404, host);
    t.match(answer.body, /http:\/\/<app>.localhost:/, host);
  }
  t.equal(rig.got.length, 0);
  t.same(rig.portalGot, []);
});

t.test('P29: the portal refuses what other sites ask, apps below localhost included', async (t) => {
  const rig = await localRig(t);
  const host = `postern.localhost:${rig.port}`;
  const cookie = cookieOf(await postLink(rig));
  const own = {
    cookie,
    'user-agent': 'Mozilla/5.0',
    accept: '*/*',
    'sec-fetch-mode': 'cors',
    'sec-fetch-dest': 'empty',
  };
  const status = async (headers: Record<string, string>, method = 'GET') =>
    (await ask(rig.port, { host, path: '/api', method, headers: { ...own, ...headers } })).status;
  t.equal(await status({ 'sec-fetch-site': 'same-origin' }), 200);
  t.equal(await status({ 'sec-fetch-site': 'none' }), 200);
  // Even if a browser sent the cookie along.
  for (const site of ['cross-site', 'same-site', 'something-new']) {
    t.equal(await status({ 'sec-fetch-site': site }), 403, site);
    t.equal(await status({ 'sec-fetch-site': site }, 'POST'), 403, site);
    const frame = { ...navigation, cookie, 'sec-fetch-site': site, 'sec-fetch-dest': 'iframe' };
    t.equal((await ask(rig.port, { host, headers: frame })).status, 403, `${site} frame`);
    const form = { ...navigation, cookie, 'sec-fetch-site': site };
    t.equal((await ask(rig.port, { host, method: 'POST', headers: form })).status, 403, `${site} form`);
    const link = { ...navigation, cookie, 'sec-fetch-site': site };
    t.equal((await ask(rig.port, { host, headers: link })).status, 200, `${site} link`);
  }
  for (const origin of ['http://evil.test', 'null', `http://wiki.localhost:${rig.port}`, 'http://postern.localhost']) {
    t.equal(await status({ origin }, 'POST'), 403, origin);
  }
  const upgrade = new RawClient(t, rig.port).send(
    `GET / HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  t.match(await upgrade.rest(), /^HTTP\/1.1 404 /);
});

t.test('P29: a WebSocket of another site is refused, and so is one without a cookie', async (t) => {
  let upgrades = 0;
  const rig = await localRig(t, {
    onUpgrade: (_req, socket) => {
      upgrades += 1;
      socket.end('HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n');
    },
  });
  const open = async (headers: string) =>
    new RawClient(t, rig.port)
      .send(
        `GET /ws HTTP/1.1\r\nHost: wiki.localhost:${rig.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${headers}\r\n`,
      )
      .rest();
  t.match(
    await open('Origin: http://evil.test\r\nUser-Agent: Mozilla/5.0\r\n'),
    /^HTTP\/1.1 403 [\s\S]*browser-unknown/,
  );
  t.equal(upgrades, 0);
  const cookie = await letInto(rig, 'wiki');
  t.match(await open(`Origin: http://wiki.localhost:${rig.port}\r\nCookie: ${cookie}\r\n`), /^HTTP\/1.1 404 No/);
  t.equal(upgrades, 1);
});

t.test('P29: an app cannot set a cookie for its neighbours or for us', async (t) => {
  const rig = await localRig(t, {
    onRequest: (_req, res) => {
      res.setHeader('set-cookie', [
        'a=1; Domain=localhost; Path=/',
        'b=2; Domain=.corp.internal',
        `postern-local-${rig.port}=forged; Path=/`,
        'c=3; HttpOnly',
      ]);
      res.end();
    },
  });
  const answer = await ask(rig.port, { host: `wiki.localhost:${rig.port}` });
  t.same(answer.headers['set-cookie'], ['a=1; Path=/', 'b=2', 'c=3; HttpOnly']);
});

t.test('P15: Postern-* of a local client is refused, in any spelling, on every way in', async (t) => {
  const rig = await localRig(t);
  const heads = [
    `GET / HTTP/1.1\r\nHost: wiki.localhost:${rig.port}\r\n`,
    `GET / HTTP/1.1\r\nHost: postern.localhost:${rig.port}\r\n`,
    'GET http://wiki.corp.internal/ HTTP/1.1\r\nHost: wiki.corp.internal\r\n',
    'CONNECT db.corp.internal:5432 HTTP/1.1\r\nHost: db.corp.internal:5432\r\n',
    'CONNECT wiki.corp.internal:80 HTTP/1.1\r\nHost: wiki.corp.internal:80\r\n\r\nGET / HTTP/1.1\r\nHost: wiki.corp.internal\r\n',
  ];
  for (const head of heads) {
    for (const name of ['Postern-Grant', 'POSTERN-IDENTITY', 'postern_trace', 'Postern-Anything']) {
      const text = await new RawClient(t, rig.port).send(`${head}${name}: x\r\n\r\n`).rest();
      t.match(text, /HTTP\/1.1 400 [\s\S]*"reason":"reserved-header"/, `${head.split(' ')[0]} ${name}`);
    }
  }
  t.equal(rig.got.length, 0);
  t.equal(rig.core.asked.length, 0);
});

t.test('P9: a head that two parsers could read in two ways is refused, and what follows it', async (t) => {
  const rig = await localRig(t);
  const host = `wiki.localhost:${rig.port}`;
  const heads = [
    `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: pay.localhost:${rig.port}\r\n\r\n`,
    `GET http://pay.corp.internal/ HTTP/1.1\r\nHost: wiki.corp.internal\r\n\r\n`,
    `POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer_Encoding: chunked\r\nContent-Length: 0\r\n\r\n`,
    'GET / HTTP/1.1\r\n\r\n',
  ];
  for (const head of heads) {
    const text = await new RawClient(t, rig.port).send(`${head}GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).rest();
    t.match(text, /^HTTP\/1.1 400 /, head);
    t.equal(text.split('HTTP/1.1 ').length, 2, 'one answer');
  }
  t.equal(rig.got.length, 0);
});

t.test('P29: through the proxy a page cannot act on an app, nor speak to a TCP app', async (t) => {
  const rig = await localRig(t);
  const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' };
  const wiki = { host: 'wiki.corp.internal', path: 'http://wiki.corp.internal/x' };
  // Over plain HTTP browsers send no Sec-Fetch-*; a no-cors request has no Origin either.
  t.equal((await ask(rig.port, { ...wiki, headers: { ...browser, accept: 'image/png' } })).status, 403);
  t.equal(
    (await ask(rig.port, { ...wiki, method: 'POST', headers: { ...browser, origin: 'http://evil.test' } })).status,
    403,
  );
  const detour = await ask(rig.port, { ...wiki, headers: { ...browser, accept: 'text/html' } });
  t.equal(
    detour.headers.location,
    `http://postern.localhost:${rig.port}/.postern-local/session?site=wiki.corp.internal&to=%2Fx`,
  );
  t.equal(rig.got.length, 0);
  for (const place of ['db.corp.internal:5432']) {
    const text = `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nUser-Agent: Mozilla/5.0\r\n\r\nGET / HTTP/1.1\r\n\r\n`;
    t.match(await new RawClient(t, rig.port).send(text).rest(), /^HTTP\/1.1 403 [\s\S]*Browsers are not connected/);
  }
  t.equal(rig.core.asked.length, 0);
});

t.test('P29: a browser with the proxy is let in by the same detour', async (t) => {
  const { follow } = await import('../client-agent/from-apps/local-rig.ts');
  const rig = await localRig(t);
  const wiki = { host: 'wiki.corp.internal', path: 'http://wiki.corp.internal/x' };
  const browser = { 'user-agent': 'Mozilla/5.0', accept: 'text/html', 'upgrade-insecure-requests': '1' };
  const detour = await ask(rig.port, { ...wiki, headers: browser });
  const back = await follow(rig, detour, cookieOf(await postLink(rig)));
  t.equal(back.headers.location, 'http://wiki.corp.internal/x');
  const cookie = cookieOf(back);
  t.equal((await ask(rig.port, { ...wiki, headers: { ...browser, cookie } })).body, 'from the app');
  t.equal(rig.got[0]!.headers.cookie, undefined);
  const tunnel = new RawClient(t, rig.port).send(
    'CONNECT wiki.corp.internal:80 HTTP/1.1\r\nHost: wiki.corp.internal:80\r\n\r\n',
  );
  tunnel.send('GET / HTTP/1.1\r\nHost: wiki.corp.internal\r\nUser-Agent: Mozilla/5.0\r\nConnection: close\r\n\r\n');
  t.match(await tunnel.rest(), /403 [\s\S]*browser-unknown/, 'inside a tunnel too');
});

t.test("P29: no app takes the portal's site or the console's", async (t) => {
  const named = (id: string) => Check(app, { ...tcp, id });
  const tcp = { name: 'x', site: 'main', kind: 'tcp', host: 'x.corp.internal', port: 1, upstream: 'x:1' };
  t.ok(named('postern-wiki'));
  t.notOk(named('postern'));
  t.notOk(named('postern-console'));
});
