/** P29: the portal takes nothing that a page of another site started. P31: it shows what is sent. */
import { request } from 'node:http';
import t from 'tap';
import { guardPortal } from '../../client-agent/portal/portal-guard.ts';
import { makeFakeAgent } from '../support/fake-agent-portal.ts';
import { servePortal } from '../support/serve-portal.ts';

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function ask(port: number, { method = 'GET', path, headers = {}, body }: Sent) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const req = request({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { host: `postern.localhost:${port}`, ...headers },
    });
    req.once('error', reject);
    req.once('response', (res) => {
      let text = '';
      res.on('data', (chunk) => {
        text += chunk;
      });
      res.once('end', () => resolve({ status: res.statusCode!, headers: res.headers, text }));
    });
    req.end(body);
  });
}

const json = { 'content-type': 'application/json' };
const own = { ...json, 'sec-fetch-site': 'same-origin' };

t.test('P29: changes that another site starts are refused before they act', async (t) => {
  const agent = makeFakeAgent({ signedIn: true });
  const portal = await servePortal(agent);
  t.teardown(() => portal.stop());
  const attacks: Record<string, Record<string, string>> = {
    'a sibling app below localhost': {
      ...json,
      'sec-fetch-site': 'same-site',
      origin: `http://wiki.localhost:${portal.port}`,
    },
    'a web page': { ...json, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    'an origin without metadata': { ...json, origin: 'https://evil.example' },
    'the same name at another port': { ...json, origin: 'http://postern.localhost:1' },
    'a file or a sandboxed frame': { ...json, origin: 'null' },
    'no sign of who asks': json,
    'metadata that lies beside a true origin': { ...own, origin: 'https://evil.example' },
  };
  for (const [name, headers] of Object.entries(attacks)) {
    const { status, text } = await ask(portal.port, { method: 'POST', path: '/api/sign-out', headers, body: '{}' });
    t.equal(status, 403, name);
    t.match(JSON.parse(text), { code: 'cross-site' }, name);
  }
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-seq',
  ]) {
    const headers = { 'sec-fetch-site': 'same-origin', 'content-type': type };
    const { status } = await ask(portal.port, { method: 'POST', path: '/api/sign-out', headers, body: '{}' });
    t.equal(status, 400, type);
  }
  const bare = await ask(portal.port, {
    method: 'POST',
    path: '/api/sign-out',
    headers: { 'sec-fetch-site': 'same-origin' },
  });
  t.equal(bare.status, 400, 'no type and no body');
  t.same(agent.asked, [], 'the agent was asked for nothing');
  t.equal((await ask(portal.port, { method: 'POST', path: '/api/sign-out', headers: own, body: '{}' })).status, 204);
  t.same(agent.asked, ['signOut']);
});

t.test('P29: another site can open the page by a link, and nothing else', async (t) => {
  const portal = await servePortal(makeFakeAgent({ signedIn: true }));
  t.teardown(() => portal.stop());
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  const status = async (path: string, headers: Record<string, string>) =>
    (await ask(portal.port, { path, headers })).status;
  t.equal(await status('/', link), 200);
  t.equal(await status('/', { ...link, 'sec-fetch-site': 'none' }), 200);
  t.equal(await status('/', { ...link, 'sec-fetch-dest': 'iframe' }), 403, 'a frame');
  t.equal(await status('/api/state', link), 403, 'the API as a page');
  t.equal(
    await status('/api/state', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }),
    403,
    'a sibling reads',
  );
  t.equal(
    await status('/portal.js', {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'no-cors',
      'sec-fetch-dest': 'script',
    }),
    403,
  );
  t.equal(await status('/api/state', { 'sec-fetch-site': 'same-origin' }), 200);
});

t.test('P29: strict headers on every answer, errors and events too', async (t) => {
  const agent = makeFakeAgent({ signedIn: true });
  const portal = await servePortal(agent);
  t.teardown(() => portal.stop());
  const sent: readonly Sent[] = [
    { path: '/' },
    { path: '/portal.js' },
    { path: '/api/state' },
    { path: '/nothing' },
    { path: '/../../package.json' },
    { path: '/%2e%2e/portal.ts' },
    { path: '/api/state', headers: { 'sec-fetch-site': 'cross-site' } },
  ];
  for (const one of sent) {
    const { headers, text, status } = await ask(portal.port, one);
    t.match(
      headers['content-security-policy'],
      /^default-src 'self'; base-uri 'none';.*frame-ancestors 'none'$/,
      one.path,
    );
    t.notMatch(headers['content-security-policy'], /unsafe|data:|\*/, one.path);
    t.equal(headers['x-content-type-options'], 'nosniff', one.path);
    t.equal(headers['access-control-allow-origin'], undefined, one.path);
    if (one.path.includes('..') || one.path.includes('%2e')) t.equal(status, 404, one.path);
    if (one.path === '/') t.notMatch(text, /<script(?![^>]*src=)|<style|\son\w+=|style=/, 'nothing inline');
  }
});

t.test('P29: the guard, alone', async (t) => {
  const origin = 'http://postern.localhost:7070';
  const guard = (method: string, path: string, headers: Record<string, string>) => () =>
    guardPortal({ method, path, headers }, origin);
  t.doesNotThrow(guard('GET', '/api/state', {}), 'a program that reads');
  t.doesNotThrow(guard('DELETE', '/api/holds/1', { origin, ...json }), 'an old browser says its origin');
  t.throws(guard('DELETE', '/api/holds/1', json), { code: 'cross-site' });
  t.throws(guard('GET', '/', { 'sec-fetch-site': 'sideways' }), { code: 'cross-site' }, 'an unknown word');
  t.throws(
    guard('POST', '/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }),
    {
      code: 'cross-site',
    },
  );
  t.throws(guard('GET', '/apiary', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }), {
    code: 'cross-site',
  });
});
