/** P22 and P29 on the agent's local side: whom an app lists, and whose page it is where browsers do not say. */
import t from 'tap';
import { frameHeaders, isFromOwnPage, isWelcome } from '../../client-agent/from-apps/foreign-pages.ts';
import { mapResponseHeaders } from '../../client-agent/from-apps/map-headers.ts';
import type { Site } from '../../client-agent/from-apps/sites.ts';
import { ask, localRig, navigation } from '../client-agent/from-apps/local-rig.ts';
import { pay, wiki } from '../support/fake-agent-core.ts';

const map = { toReal: (url: string) => url, toLocal: (url: string) => url };
const named = { app: wiki, map: { ...map, keepsSecureCookies: false } } as unknown as Site;
const local = { app: wiki, map: { ...map, keepsSecureCookies: true } } as unknown as Site;

t.test('P29 by a plain-HTTP name a request shows that it comes from a page of the app', async (t) => {
  const own = 'http://wiki.corp.internal';
  const table: [what: string, own: boolean, headers: Record<string, string>][] = [
    ['nothing', false, {}],
    ['its own page', true, { referer: `${own}/page` }],
    ['its own origin as Referer', true, { referer: own }],
    ['its other name', true, { referer: 'http://notes.corp.internal/' }],
    ['a neighbour', false, { referer: 'http://pay.corp.internal/' }],
    ['a name that begins alike', false, { referer: `${own}.evil.test/` }],
    ['a name before an @', false, { referer: `${own}@evil.test/` }],
    ['a port', false, { referer: `${own}:8080/` }],
    ['https', false, { referer: 'https://wiki.corp.internal/' }],
    ['a Referer that is a part of another', false, { referer: `http://evil.test/${own}/` }],
    ['a navigation', true, { 'upgrade-insecure-requests': '1' }],
    ['a navigation from a neighbour', true, { 'upgrade-insecure-requests': '1', referer: 'http://pay.corp.internal/' }],
    ['a form of a neighbour', false, { 'upgrade-insecure-requests': '1', origin: 'http://pay.corp.internal' }],
    ['an Origin that a Referer contradicts', false, { origin: 'null', referer: `${own}/` }],
    ['its own Origin', true, { origin: own }],
    ['what the browser says itself is for the gateway', true, { 'sec-fetch-site': 'cross-site' }],
  ];
  for (const [what, isOwn, headers] of table) {
    t.equal(isFromOwnPage(named, headers), isOwn, what);
    t.ok(isFromOwnPage(local, headers), 'below localhost browsers say it');
  }
  t.strictSame(frameHeaders(named), ['content-security-policy', "frame-ancestors 'self'"]);
  t.strictSame(frameHeaders(local), []);
  t.strictSame(frameHeaders({ ...named, app: { ...wiki, crossSite: 'allow' } }), []);
});

t.test('P29 there, an app that hides its pages from everybody hides them from others only', async (t) => {
  const through = (site: Site, value: string) => mapResponseHeaders(['Referrer-Policy', value], site.map)[1];
  t.equal(through(named, 'no-referrer'), 'same-origin');
  t.equal(through(named, 'no-referrer, strict-origin'), 'same-origin, strict-origin');
  t.equal(through(named, 'no-referrer-when-downgrade'), 'no-referrer-when-downgrade');
  t.equal(through(local, 'no-referrer'), 'no-referrer');
});

t.test('P22 the pages that an app lists, and no others, need no cookie', async (t) => {
  const listing = { ...wiki, allowOrigins: ['https://partner.test', 'https://pay.corp.internal'] };
  const open = { ...pay, id: 'open', hosts: ['open.corp.internal'], crossSite: 'allow' as const };
  const rig = await localRig(t);
  rig.core.list = [listing, pay, open];
  const status = async (app: string, origin: string | undefined, method = 'GET', more = {}) => {
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors', ...(origin && { origin }), ...more };
    return (await ask(rig.port, { host: `${app}.localhost:${rig.port}`, method, headers })).status;
  };
  t.equal(await status('wiki', 'https://partner.test'), 200);
  const preflight = { 'access-control-request-method': 'DELETE' };
  t.equal(await status('wiki', 'https://partner.test', 'OPTIONS', preflight), 200, 'a preflight has no cookie ever');
  t.equal(await status('wiki', `http://pay.localhost:${rig.port}`, 'POST'), 200, 'another app under its local name');
  t.match(rig.got.at(-1)!.headers, { origin: 'https://pay.corp.internal' }, 'which the gateway gets to judge');
  const before = rig.got.length;
  for (const origin of ['https://partner.test:444', 'https://evil.test', 'null', undefined])
    t.equal(await status('wiki', origin, 'POST'), 403, String(origin));
  t.equal(await status('pay', 'https://partner.test'), 403, 'another app lists nobody');
  t.equal(rig.got.length, before);
  t.equal(await status('open', 'https://evil.test', 'POST'), 200, 'an app that takes every page');
  t.equal(isWelcome({ ...local, app: open }, {}), true);
});

t.test('P29 the portal asks itself again once, and not for ever', async (t) => {
  const rig = await localRig(t);
  const host = `postern.localhost:${rig.port}`;
  const headers = { ...navigation, 'sec-fetch-site': 'cross-site' };
  const first = await ask(rig.port, { host, path: '/x?y=1', headers });
  t.match(first, { status: 200, body: 'url=/x?y=1&#38;again=1' });
  t.equal((await ask(rig.port, { host, path: '/x?y=1&again=1', headers })).status, 403);
});
