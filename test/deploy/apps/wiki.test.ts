import { execFile } from 'node:child_process';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import t from 'tap';
import { request } from 'undici';
import { startWiki } from '../../../deploy/quickstart/apps/wiki.ts';
import { needs } from '../../support/programs.ts';
import { gatewayHeaders, startFakeGateway } from './support.ts';

const run = promisify(execFile);

const gateway = await startFakeGateway(t);
const wiki = await startWiki({ port: 0, host: '127.0.0.1', keySetUrl: gateway.keySetUrl });
t.teardown(() => wiki.stop());
const base = `http://127.0.0.1:${wiki.port}`;
const headers = (claims?: Record<string, unknown>) => gatewayHeaders(gateway, 'wiki', claims);
const ownOrigin = 'https://wiki.example.com';

t.test('without an identity every path is 401 in plain text', async (t) => {
  for (const path of ['/', '/pages/home', '/download', '/git/handbook.git/HEAD', '/nothing-here']) {
    const answer = await request(base + path);
    t.equal(answer.statusCode, 401, path);
    t.match(answer.headers['content-type'], /^text\/plain/);
    await answer.body.dump();
  }
});

t.test('the front page redirects to its public address', async (t) => {
  const answer = await request(base, { headers: headers() });
  t.equal(answer.statusCode, 302);
  t.equal(answer.headers['location'], `${ownOrigin}/pages/home`);
  await answer.body.dump();
});

t.test('a page greets the person, escaped, and counts visits by a __Host- cookie', async (t) => {
  const first = await request(`${base}/pages/home`, { headers: headers() });
  const page = await first.body.text();
  t.match(page, 'Hello, Ada &#60;Lovelace&#62;');
  t.notMatch(page, '<Lovelace>');
  const cookie = String(first.headers['set-cookie']);
  t.match(cookie, /^__Host-wiki-session=[\w-]{22}; /);
  for (const attribute of ['Path=/', 'Secure', 'HttpOnly']) t.match(cookie, attribute);
  t.notMatch(cookie, /domain/i);

  const session = cookie.split(';')[0]!;
  const second = await request(`${base}/pages/home`, { headers: { ...headers(), cookie: session } });
  t.match(await second.body.text(), 'Page view 2 of this session');
  t.equal(second.headers['set-cookie'], undefined);

  const other = await request(`${base}/pages/home`, { headers: { ...headers({ sub: 'p-eve' }), cookie: session } });
  t.match(await other.body.text(), 'Page view 1 of this session', "another person's cookie opens nothing");
  t.ok(other.headers['set-cookie']);
});

t.test('a form is taken from its own origin only', async (t) => {
  const post = (origin: string | undefined, path = '/pages/plan') =>
    request(base + path, {
      method: 'POST',
      headers: {
        ...headers(),
        'content-type': 'application/x-www-form-urlencoded',
        ...(origin === undefined ? {} : { origin }),
      },
      body: new URLSearchParams({ text: 'Buy <milk> & tea' }).toString(),
    });
  for (const origin of ['https://evil.example.com', 'http://wiki.example.com', 'null', undefined]) {
    const refused = await post(origin);
    t.equal(refused.statusCode, 403, `origin ${origin}`);
    await refused.body.dump();
  }
  const before = await request(`${base}/pages/plan`, { headers: headers() });
  t.match(await before.body.text(), 'version 0', 'nothing was written');

  const saved = await post(ownOrigin);
  t.equal(saved.statusCode, 303);
  t.equal(saved.headers['location'], `${ownOrigin}/pages/plan`);
  await saved.body.dump();
  const after = await request(`${base}/pages/plan`, { headers: headers() });
  t.match(await after.body.text(), /Buy &#60;milk&#62; &#38; tea[\s\S]*by Ada &#60;Lovelace&#62;, version 1/);
  const edit = await request(`${base}/pages/plan/edit`, { headers: headers() });
  t.match(await edit.body.text(), '<form method="post" action="/pages/plan">');

  const odd = await post(ownOrigin, '/pages/..%2f');
  t.equal(odd.statusCode, 400);
  await odd.body.dump();
});

t.test('public origins, when given, win over a forged Host', async (t) => {
  const strict = await startWiki({
    port: 0,
    host: '127.0.0.1',
    keySetUrl: gateway.keySetUrl,
    publicOrigins: [ownOrigin],
  });
  t.teardown(() => strict.stop());
  const forged = { ...headers(), host: 'evil.example.com' };
  const answer = await request(`http://127.0.0.1:${strict.port}/`, { headers: forged });
  t.equal(answer.headers['location'], `${ownOrigin}/pages/home`);
  await answer.body.dump();
});

t.test('downloads: the asked size, a fixed rate, an early end', async (t) => {
  const fast = await request(`${base}/download?mb=3`, { headers: headers() });
  t.equal((await fast.body.arrayBuffer()).byteLength, 3 * 1024 * 1024);

  const head = await request(`${base}/download?mb=4000&rate=1`, { method: 'HEAD', headers: headers() });
  t.equal(head.headers['content-length'], String(4000 * 1024 * 1024));
  await head.body.dump();

  const slow = await new Promise<IncomingMessage>((resolve) =>
    httpRequest(`${base}/download?mb=1&rate=100`, { headers: headers() }, resolve).end(),
  );
  const [first] = (await slow.take(1).toArray()) as Buffer[];
  t.equal(first!.length, 10 * 1024, 'a tenth of the rate arrives at once');
  slow.destroy();

  for (const query of ['mb=-1', 'mb=5000', 'rate=x', 'mb=1e3']) {
    const bad = await request(`${base}/download?${query}`, { headers: headers() });
    t.equal(bad.statusCode, 400, query);
    await bad.body.dump();
  }
});

t.test('git clones the handbook through a proxy', needs('git'), async (t) => {
  // Plays agent and gateway: adds the identity to whatever git asks.
  const proxy = createServer((incoming, outgoing) => {
    const upstream = httpRequest(base + incoming.url, { headers: { ...incoming.headers, ...headers() } }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const clone = `${t.testdir()}/handbook`;
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/git/handbook.git`;
  await run('git', ['clone', '--quiet', url, clone], { env: { ...process.env, GIT_TERMINAL_PROMPT: '0' } });
  const { stdout } = await run('git', ['-C', clone, 'log', '--format=%s']);
  t.equal(stdout, 'Say what to do on the first day\nStart the handbook\n');
  await run('git', ['-C', clone, 'fsck', '--strict']);

  const outside = await request(`${base}/git/handbook.git/..%2f..%2fpackage.json`, { headers: headers() });
  t.equal(outside.statusCode, 404);
  await outside.body.dump();
});
