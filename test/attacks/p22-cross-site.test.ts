/** P22: any web page could act as the employee, since identity is attached by the network. */
import t from 'tap';
import type { Ask } from '../../gateway/gates/ask.ts';
import { passGates } from '../../gateway/gates/index.ts';
import { makeAsk, makeState, now, wiki } from '../support/gate-ask.ts';

const own = 'https://wiki.corp.example';
const evil = 'https://evil.example';
const navigation = { fetchMode: 'navigate', fetchDest: 'document' };
const upgrade = { kind: 'upgrade' } as const;
type Row = [what: string, refused: boolean, ask: Partial<Ask>, app?: Record<string, unknown>];

const rows: Row[] = [
  ['no facts at all (curl)', false, {}],
  ['typed into the address bar', false, { fetchSite: 'none', ...navigation }],
  ['a page of its own', false, { fetchSite: 'same-origin', origin: own }],
  ['its own origin without TLS', false, { origin: 'http://wiki.corp.example' }],
  ['its own origin with the port asked for', false, { origin: `${own}:8444`, host: 'wiki.corp.example:8444' }],
  ['a link from elsewhere', false, { fetchSite: 'cross-site', ...navigation }],
  ['a link from a sibling', false, { fetchSite: 'same-site', ...navigation }],
  ['a HEAD navigation', false, { fetchSite: 'cross-site', ...navigation, method: 'HEAD' }],
  ['a script elsewhere', true, { fetchSite: 'cross-site', fetchMode: 'cors', origin: evil }],
  ['an image elsewhere', true, { fetchSite: 'cross-site', fetchMode: 'no-cors', fetchDest: 'image' }],
  ['a frame elsewhere', true, { fetchSite: 'cross-site', fetchMode: 'navigate', fetchDest: 'iframe' }],
  ['a form that posts from elsewhere', true, { fetchSite: 'cross-site', ...navigation, method: 'POST', origin: evil }],
  ['a sibling app', true, { fetchSite: 'same-site', fetchMode: 'cors', origin: 'https://hr.corp.example' }],
  ['an old browser that sends only Origin', true, { origin: evil, method: 'POST' }],
  ['an opaque origin', true, { origin: 'null', method: 'POST' }],
  ['a host that ends alike', true, { origin: 'https://evilwiki.corp.example' }],
  ['a host that begins alike', true, { origin: 'https://wiki.corp.example.evil.example' }],
  ['its host on another port', true, { origin: `${own}:9999` }],
  ['its host under another scheme', true, { origin: 'ftp://wiki.corp.example' }],
  ['a user name that looks alike', true, { origin: 'https://wiki.corp.example@evil.example' }],
  ['a listed origin', false, { fetchSite: 'cross-site', origin: evil }, { allowOrigins: [evil] }],
  ['a listed origin in another spelling', true, { origin: `${evil}:444` }, { allowOrigins: [evil] }],
  ['no origin where one is listed', true, { fetchSite: 'cross-site' }, { allowOrigins: [evil] }],
  ['switched off', false, { fetchSite: 'cross-site', origin: evil }, { crossSite: 'allow' }],
  ['a WebSocket of its own', false, { ...upgrade, origin: own, fetchSite: 'same-origin' }],
  ['a WebSocket without an origin', false, upgrade],
  ['a WebSocket from elsewhere', true, { ...upgrade, origin: evil }],
  ['a WebSocket that claims to navigate', true, { ...upgrade, origin: evil, ...navigation }],
  ['a WebSocket from a listed origin', true, { ...upgrade, origin: evil }, { allowOrigins: [evil] }],
  ['a WebSocket by a sibling', true, { ...upgrade, fetchSite: 'same-site' }],
];

t.test('P22 who may ask in the name of the employee', async (t) => {
  for (const [what, refused, ask, app] of rows) {
    const verdict = passGates(makeAsk(ask), makeState({ apps: [wiki(app)] }), now);
    t.equal(verdict?.code, refused ? 'cross-site' : undefined, what);
  }
});
