/**
 * P22 and P29 in a real browser that has been let in everywhere: pages of other origins try every way to ask something of an app or of the
 * portal. The log of the app says what arrived. The app that takes everything shows that every way leads there.
 */
import t from 'tap';
import { needsChromium } from '../support/chromium.ts';
import { startCrossSiteRig } from '../support/cross-site-rig.ts';
import { type VehicleKind, vehicles } from '../support/cross-site-vehicles.ts';
import { listed } from '../support/gateway-chain.ts';

const all: readonly VehicleKind[] = ['top-get', 'top-post', 'origin', 'bare', 'frame', 'socket'];
const links: readonly VehicleKind[] = ['top-get'];
/** A listed origin may do what carries it: what a browser sends without `Origin` could be anybody's, and a WebSocket is the app's own. */
const known: readonly VehicleKind[] = ['top-get', 'top-post', 'origin'];
const named = (kinds: readonly VehicleKind[]) =>
  vehicles.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name);
const needs = { ...needsChromium(), timeout: 230_000 };
t.setTimeout(240_000);

t.test('P22 P29 pages of other origins, at every app and at the portal', needs, async (t) => {
  const rig = await startCrossSiteRig(t, (evil) => ({
    plain: {},
    lists: { allowOrigins: [evil, 'https://other.corp.example'] },
    open: { crossSite: 'allow' },
    // Its gateway is as strict as any; its agent lets all pages through, so that the gate stands alone.
    gate: {},
    other: {},
  }));
  const { chain, apps, evil, local } = rig;
  chain.core.list = apps.map((one) => (one.id === 'gate' ? { ...listed(one), crossSite: 'allow' } : listed(one)));
  for (const { id } of apps) await rig.at(`${local(id)}/let-in`);
  const table: [attacker: string, page: string, target: string, arrives: readonly VehicleKind[]][] = [
    ['own', `${local('plain')}/page`, 'plain', all],
    ['foreign', `${evil}/page`, 'open', all],
    ['foreign', `${evil}/page`, 'plain', links],
    ['foreign', `${evil}/page`, 'gate', links],
    ['foreign', `${evil}/page`, 'lists', known],
    ['foreign', `${evil}/page`, 'postern', links],
    ['sibling', `${local('other')}/page`, 'open', all],
    ['sibling', `${local('other')}/page`, 'plain', links],
    ['sibling', `${local('other')}/page`, 'gate', links],
    ['sibling', `${local('other')}/page`, 'lists', known],
    ['sibling', `${local('other')}/page`, 'postern', links],
    ['opaque', `${evil}/sandboxed`, 'plain', links],
    ['opaque', `${evil}/sandboxed`, 'gate', links],
    ['opaque', `${evil}/sandboxed`, 'lists', links],
    // Not even a link: the window of a sandboxed page keeps its sandbox, and the cookie of the portal goes to no foreign window.
    ['opaque', `${evil}/sandboxed`, 'postern', []],
  ];
  for (const [attacker, page, target, arrives] of table) {
    const came = await rig.attack(await rig.at(page), attacker, target, local(target));
    t.strictSame(
      came,
      named(arrives),
      `a page of ${attacker} origin at ${target}: ${came.length} of ${vehicles.length} ways`,
    );
  }
});

t.test('P22 P29 the same by real names over the proxy, where browsers say less', needs, async (t) => {
  const rig = await startCrossSiteRig(
    t,
    () => ({ plain: {}, other: {} }),
    ({ side }) => {
      const pac = side.addresses().find(({ name }) => name === 'pac')!.address;
      return [`--proxy-pac-url=${pac}`];
    },
  );
  const { evil } = rig;
  const [plain, other] = ['http://plain.corp.example', 'http://other.corp.example'];
  for (const one of [plain, other]) await rig.at(`${one}/let-in`);
  // What a page of its own asks without showing itself could be anybody's.
  const own = named(all).filter((name) => !name.endsWith('-silent'));
  t.strictSame(await rig.attack(await rig.at(`${plain}/page`), 'own', 'plain', plain), own, 'its own page');
  t.strictSame(
    await rig.attack(await rig.at(`${evil}/page`), 'foreign', 'plain', plain),
    named(links),
    'a foreign page',
  );
  const tab = await rig.at(`${other}/page`);
  // A frame asks as a tab does, but is not shown.
  const want = named(['top-get', 'frame']);
  t.strictSame(await rig.attack(tab, 'sibling', 'plain', plain), want, 'a page of an app below the same domain');
  const shown = tab.errors.filter((error) => /frame-ancestors 'self'/.test(error));
  t.equal(shown.length, named(['frame']).length, 'the browser refuses to show the frames');
});
