/** How a browser is let in: one-time link, portal, and the detour to each app. */
import { existsSync, statSync } from 'node:fs';
import t from 'tap';
import { ask, cookieOf, follow, letInto, localRig, navigation, postLink } from './local-rig.ts';

t.test('a link lets one browser in at the portal', async (t) => {
  const rig = await localRig(t);
  const host = `postern.localhost:${rig.port}`;
  const before = await ask(rig.port, { host, headers: navigation });
  t.equal(before.status, 403);
  t.match(before.body, /postern open/);
  t.same(rig.portalGot, []);

  const file = rig.side.oneTimeLink();
  t.equal(statSync(file).mode & 0o777, 0o600);
  const entered = await postLink(rig, file);
  t.equal(entered.status, 200);
  t.match(entered.headers['set-cookie'], [/; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/]);
  t.match(entered.body, /http-equiv="refresh" content="0;url=\/"/);
  const cookie = cookieOf(entered);
  const portal = await ask(rig.port, { host, headers: { ...navigation, 'sec-fetch-site': 'same-origin', cookie } });
  t.equal(portal.body, 'the portal');
  await rig.side.stop();
  t.notOk(existsSync(file), 'the file goes with the agent');
});

t.test('the portal takes nothing without its cookie but from programs', async (t) => {
  const rig = await localRig(t);
  const host = `postern.localhost:${rig.port}`;
  t.equal((await ask(rig.port, { host, path: '/api/x' })).body, 'the portal', 'a program of this user');
  const signs: Record<string, string>[] = [
    { 'sec-fetch-site': 'same-origin' },
    { 'user-agent': 'Mozilla/5.0' },
    { accept: 'text/html' },
    { origin: `http://postern.localhost:${rig.port}` },
    { 'sec-ch-ua': '"Chromium"' },
  ];
  for (const sign of signs) {
    const answer = await ask(rig.port, {
      host,
      path: '/api/x',
      method: 'POST',
      headers: sign as Record<string, string>,
    });
    t.equal(answer.status, 403, JSON.stringify(sign));
  }
  t.equal(rig.portalGot.length, 1);
});

t.test('an app sends the browser over the portal and back to where it wanted to go', async (t) => {
  const rig = await localRig(t);
  const host = `wiki.localhost:${rig.port}`;
  const portalCookie = cookieOf(await postLink(rig));
  const detour = await ask(rig.port, {
    host,
    path: '/page?q=1',
    headers: { ...navigation, 'sec-fetch-site': 'cross-site' },
  });
  t.equal(detour.status, 302);
  t.match(detour.headers.location, `http://postern.localhost:${rig.port}/.postern-local/session?site=wiki.localhost`);
  const back = await follow(rig, detour, portalCookie);
  t.equal(back.status, 302);
  t.equal(back.headers.location, `http://${host}/page?q=1`);
  t.match(back.headers['set-cookie'], [/HttpOnly; SameSite=Lax$/]);
  const cookie = `${cookieOf(back)}; sid=7`;
  const page = await ask(rig.port, { host, path: '/page?q=1', headers: { ...navigation, cookie } });
  t.equal(page.body, 'from the app');
  t.equal(rig.got[0]!.headers.cookie, 'sid=7', 'our cookie stays here');
});

t.test(
  'a browser that came by a link from elsewhere has kept its strict cookie back, and is asked again',
  async (t) => {
    const rig = await localRig(t);
    const host = `postern.localhost:${rig.port}`;
    const path = '/.postern-local/session?site=wiki.localhost&to=%2Fx';
    const first = await ask(rig.port, { host, path, headers: { ...navigation, 'sec-fetch-site': 'cross-site' } });
    t.equal(first.status, 200);
    const again = /content="0;url=([^"]+)"/.exec(first.body)![1]!.replaceAll('&#38;', '&');
    const unknown = await ask(rig.port, {
      host,
      path: again,
      headers: { ...navigation, 'sec-fetch-site': 'same-origin' },
    });
    t.equal(unknown.status, 403, 'asked twice is enough');
    const cookie = cookieOf(await postLink(rig));
    const headers = { ...navigation, 'sec-fetch-site': 'same-origin', cookie };
    t.match(await ask(rig.port, { host, path: again, headers }), { status: 302, headers: { location: /token=/ } });

    const page = await ask(rig.port, {
      host,
      path: '/apps',
      headers: { ...navigation, 'sec-fetch-site': 'cross-site' },
    });
    t.match(page.body, /content="0;url=\/apps\?again=1"/);
    t.same(rig.portalGot, []);
  },
);

t.test('postern open <app> goes on to the app', async (t) => {
  const rig = await localRig(t);
  const { file, url } = await rig.side.openLink('wiki');
  t.equal(url, `http://wiki.localhost:${rig.port}/`);
  const entered = await postLink(rig, file);
  const next = /content="0;url=([^"]+)"/.exec(entered.body)![1]!.replaceAll('&#38;', '&');
  const headers = { ...navigation, 'sec-fetch-site': 'same-origin', cookie: cookieOf(entered) };
  const hop = await ask(rig.port, { host: `postern.localhost:${rig.port}`, path: next, headers });
  t.match(hop.headers.location, new RegExp(`^http://wiki.localhost:${rig.port}/.postern-local/session\\?token=`));
  await t.rejects(rig.side.openLink('db'), { code: 'not-allowed' });
});

t.test('a cookie ends after 12 hours', async (t) => {
  const rig = await localRig(t);
  const host = `wiki.localhost:${rig.port}`;
  const cookie = await letInto(rig, 'wiki');
  const xhr = { ...navigation, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', accept: '*/*', cookie };
  t.equal((await ask(rig.port, { host, headers: xhr })).status, 200);
  rig.now += 12 * 3600 * 1000;
  t.match(await ask(rig.port, { host, headers: xhr }), {
    status: 403,
    headers: { 'content-type': 'application/problem+json' },
  });
});

t.test('programs need no cookie, whatever their fetch is called', async (t) => {
  const rig = await localRig(t);
  const own = await fetchAs(rig.port, { 'user-agent': 'node', 'sec-fetch-mode': 'cors', accept: '*/*' });
  t.equal(own.status, 200);
  function fetchAs(port: number, headers: Record<string, string>) {
    return ask(port, { host: `wiki.localhost:${port}`, headers });
  }
});
