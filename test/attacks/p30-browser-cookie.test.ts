/** P30: what a page, or whoever reads a link, can try with the way browsers are let in. */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { ask, cookieOf, letInto, localRig, navigation, postLink } from '../client-agent/from-apps/local-rig.ts';

const xhr = { 'user-agent': 'Mozilla/5.0', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: '*/*' };

t.test('P30: a page of another site cannot use an app in this browser', async (t) => {
  const rig = await localRig(t);
  const host = `wiki.localhost:${rig.port}`;
  // The browser keeps a SameSite=Lax cookie back from all of these.
  for (const headers of [
    { ...xhr, 'sec-fetch-site': 'cross-site', origin: 'http://evil.test' },
    { ...xhr, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    { ...navigation, 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'iframe' },
    { 'user-agent': 'Mozilla/5.0', accept: 'image/png' },
  ]) {
    const answer = await ask(rig.port, { host, headers });
    t.equal(answer.status, 403);
    t.equal(answer.headers.location, undefined, 'never a redirect');
  }
  const form = { ...navigation, 'sec-fetch-site': 'cross-site', origin: 'http://evil.test' };
  t.equal((await ask(rig.port, { host, method: 'POST', headers: form, body: 'a=1' })).status, 403);
  t.equal(rig.got.length, 0);
});

t.test('P30: the cookie of one app opens neither the portal nor another app', async (t) => {
  const rig = await localRig(t);
  const cookie = await letInto(rig, 'wiki');
  const own = { ...xhr, 'sec-fetch-site': 'same-origin', cookie };
  t.equal((await ask(rig.port, { host: `wiki.localhost:${rig.port}`, headers: own })).status, 200);
  t.equal((await ask(rig.port, { host: `pay.localhost:${rig.port}`, headers: own })).status, 403);
  t.equal((await ask(rig.port, { host: `postern.localhost:${rig.port}`, headers: own })).status, 403);
  t.same(rig.portalGot, []);
});

t.test('P30: a changed cookie is none', async (t) => {
  const rig = await localRig(t);
  const host = `wiki.localhost:${rig.port}`;
  const cookie = await letInto(rig, 'wiki');
  const [end = '', random = '', mac = ''] = cookie.split('=')[1]!.split('.');
  const name = cookie.split('=')[0]!;
  const later = (Number.parseInt(end, 36) + 60).toString(36);
  const wrong = [`${later}.${random}.${mac}`, `${end}.${random}`, `${end}.${random}.`, `.${random}.${mac}`, ''];
  for (const value of wrong) {
    const headers = { ...xhr, 'sec-fetch-site': 'same-origin', cookie: `${name}=${value}` };
    t.equal((await ask(rig.port, { host, headers })).status, 403, value);
  }
  const other = name.replace(/\d+$/, String(rig.port + 1));
  const renamed = cookie.replace(name, other);
  t.equal(
    (await ask(rig.port, { host, headers: { ...xhr, 'sec-fetch-site': 'same-origin', cookie: renamed } })).status,
    403,
  );
});

t.test('P30: a link works once, for 30 s, and its token is nowhere but in its file', async (t) => {
  const rig = await localRig(t);
  const file = rig.side.oneTimeLink();
  t.equal((await postLink(rig, file)).status, 200);
  t.equal((await postLink(rig, file)).status, 403, 'used');
  const late = rig.side.oneTimeLink();
  rig.now += 30_000;
  t.equal((await postLink(rig, late)).status, 403, 'lapsed');

  const token = /name="token" value="([^"]+)"/.exec(readFileSync(rig.side.oneTimeLink(), 'utf8'))![1]!;
  const lines = readdirSync('/proc', { withFileTypes: true })
    .filter((entry) => /^\d+$/.test(entry.name))
    .map((entry) => {
      try {
        return readFileSync(`/proc/${entry.name}/cmdline`, 'latin1');
      } catch {
        return '';
      }
    });
  t.notOk(lines.some((line) => line.includes(token)));
});

t.test('P30: a token in an address is bound to one host and spent by whoever shows it', async (t) => {
  const rig = await localRig(t);
  const portalCookie = cookieOf(await postLink(rig));
  const mint = async () => {
    const path = '/.postern-local/session?site=wiki.localhost&to=%2F';
    const headers = { ...navigation, cookie: portalCookie };
    const answer = await ask(rig.port, { host: `postern.localhost:${rig.port}`, path, headers });
    return new URL(answer.headers.location!).search;
  };
  const show = async (app: string, search: string, headers = navigation) =>
    (await ask(rig.port, { host: `${app}.localhost:${rig.port}`, path: `/.postern-local/session${search}`, headers }))
      .status;
  const first = await mint();
  t.equal(await show('pay', first), 403, 'another app');
  t.equal(await show('wiki', first), 403, 'and spent by that');
  const second = await mint();
  t.equal(await show('wiki', second), 302);
  t.equal(await show('wiki', second), 403);
  const third = await mint();
  t.equal(await show('wiki', third, { ...navigation, 'sec-fetch-dest': 'iframe' }), 403, 'not in a frame');
  rig.now += 30_000;
  t.equal(await show('wiki', third), 403);
  const path = '/.postern-local/session';
  const portal = { host: `postern.localhost:${rig.port}`, path, method: 'POST' };
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const posted = await ask(rig.port, { ...portal, headers, body: `token=${(await mint()).slice(7)}` });
  t.equal(posted.status, 403, 'an app token is none for the portal');
});

t.test('P30: the detour leads to apps of this person and to nowhere else', async (t) => {
  const rig = await localRig(t);
  const cookie = cookieOf(await postLink(rig));
  const host = `postern.localhost:${rig.port}`;
  const go = async (query: string, headers: Record<string, string> = { ...navigation, cookie }) =>
    ask(rig.port, { host, path: `/.postern-local/session?${query}`, headers });
  for (const site of [
    'evil.test',
    'evil.localhost',
    'postern.localhost',
    'db.localhost',
    'wiki.localhost@evil.test',
    '',
  ]) {
    t.equal((await go(`site=${encodeURIComponent(site)}&to=/`)).status, 404, site);
  }
  for (const to of ['//evil.test/', '/\\evil.test', 'http://evil.test/', '/a\r\nx: y', '@evil.test/']) {
    const answer = await go(`site=wiki.localhost&to=${encodeURIComponent(to)}`);
    const token = new URL(answer.headers.location!).search;
    const path = `/.postern-local/session${token}`;
    const back = await ask(rig.port, { host: `wiki.localhost:${rig.port}`, path, headers: navigation });
    t.equal(back.headers.location, `http://wiki.localhost:${rig.port}/`, to);
  }
  const script = { ...xhr, 'sec-fetch-site': 'cross-site', cookie };
  t.equal((await go('site=wiki.localhost&to=/', script)).status, 403, 'only by navigation');
});

t.test('P30: the PAC file is refused to pages', async (t) => {
  const rig = await localRig(t);
  const path = '/.postern-local/proxy.pac';
  for (const host of [`postern.localhost:${rig.port}`, `localhost:${rig.port}`]) {
    const read = await ask(rig.port, { host, path, headers: { 'user-agent': 'Mozilla/5.0' } });
    t.match(read.body, /"wiki.corp.internal":1/);
    for (const name of [
      'sec-fetch-site',
      'sec-fetch-mode',
      'sec-fetch-dest',
      'sec-fetch-user',
      'sec-fetch-storage-access',
    ]) {
      const answer = await ask(rig.port, { host, path, headers: { [name]: 'x' } });
      t.equal(answer.status, 403, name);
      t.notMatch(answer.body, /corp/);
    }
  }
});
