/** P29: headers between the browser's addresses and the app's own. */
import t from 'tap';
import { createAppDirectory } from '../../../client-agent/from-apps/app-directory.ts';
import { readLocalName, safeReturnPath } from '../../../client-agent/from-apps/local-names.ts';
import { mapRequestHeaders, mapResponseHeaders } from '../../../client-agent/from-apps/map-headers.ts';
import { nameUrlMap, siteUrlMap } from '../../../client-agent/from-apps/url-map.ts';
import { database, pay, wiki } from '../../support/fake-agent-core.ts';

const apps = createAppDirectory(() => list);
const list = [wiki, pay, database];
const sites = siteUrlMap(apps, 7070);
const names = nameUrlMap(apps);
const up = (map: typeof sites, name: string, value: string) => mapRequestHeaders([name, value], map)[1];
const down = (map: typeof sites, name: string, value: string) => mapResponseHeaders([name, value], map)[1];

t.test('what the browser says of its addresses', async (t) => {
  t.equal(up(sites, 'Origin', 'http://wiki.localhost:7070'), 'https://wiki.corp.internal');
  t.equal(
    up(sites, 'Referer', 'http://pay.localhost:7070/a?b=http://wiki.localhost:7070/'),
    'https://pay.corp.internal/a?b=http://wiki.localhost:7070/',
  );
  t.equal(up(sites, 'Destination', 'http://wiki.localhost:7070/dav/x'), 'https://wiki.corp.internal/dav/x');
  for (const foreign of [
    'null',
    'http://evil.test',
    'http://wiki.localhost',
    'http://wiki.localhost:7071',
    'https://wiki.localhost:7070',
    'http://wiki.localhost:7070@evil.test',
    'http://db.localhost:7070',
    'http://postern.localhost:7070',
    'http://unknown.localhost:7070',
    'http://a.wiki.localhost:7070',
  ]) {
    t.equal(up(sites, 'Origin', foreign), foreign);
  }
  t.equal(up(names, 'Origin', 'http://wiki.corp.internal'), 'https://wiki.corp.internal');
  t.equal(up(names, 'Origin', 'http://wiki.corp.internal:8080'), 'http://wiki.corp.internal:8080');
});

t.test('what the app says of its own', async (t) => {
  t.equal(
    down(sites, 'Location', 'https://wiki.corp.internal/login?next=/'),
    'http://wiki.localhost:7070/login?next=/',
  );
  t.equal(down(sites, 'Location', 'https://notes.corp.internal'), 'http://wiki.localhost:7070');
  t.equal(down(sites, 'location', 'http://pay.corp.internal:80/x#y'), 'http://pay.localhost:7070/x#y');
  t.equal(down(sites, 'Location', '//WIKI.corp.internal/x'), 'http://wiki.localhost:7070/x');
  t.equal(down(sites, 'Refresh', '3; URL="https://wiki.corp.internal/x"'), '3; URL="http://wiki.localhost:7070/x"');
  t.equal(down(sites, 'Access-Control-Allow-Origin', 'https://pay.corp.internal'), 'http://pay.localhost:7070');
  for (const same of [
    '/relative',
    'https://idp.example/authorize',
    'https://wiki.corp.internal:8443/',
    'https://wiki.corp.internal@evil.test/',
    'ftp://wiki.corp.internal/',
    'https://wiki.corp.internal.evil.test/',
  ]) {
    t.equal(down(sites, 'Location', same), same);
  }
  t.equal(down(names, 'Location', 'https://wiki.corp.internal/x'), 'http://wiki.corp.internal/x');
});

t.test('cookies stay with the site that set them', async (t) => {
  t.equal(
    down(sites, 'Set-Cookie', 'a=b=c; Domain=corp.internal; Path=/; Secure; SameSite=None'),
    'a=b=c; Path=/; Secure; SameSite=None',
  );
  t.equal(down(sites, 'Set-Cookie', '__Host-a=1; Secure; Path=/'), '__Host-a=1; Secure; Path=/');
  t.equal(down(sites, 'Set-Cookie', 'a=1;domain = .localhost ;HttpOnly'), 'a=1;HttpOnly');
  t.same(mapResponseHeaders(['Set-Cookie', 'postern-local-7070=x; Path=/', 'Set-Cookie', 'b=1'], sites), [
    'Set-Cookie',
    'b=1',
  ]);
  for (const posing of [' postern-local=x', '=postern-local-7070=x', ' = postern-local-7070=x', 'postern-local-7070'])
    t.same(mapResponseHeaders(['set-cookie', posing], sites), [], posing);

  t.equal(
    down(names, 'Set-Cookie', '__Host-a=1; Secure; Path=/; SameSite=None; Partitioned'),
    'postern-keep-host-a=1; Path=/',
  );
  t.equal(down(names, 'Set-Cookie', '__secure-b=1; secure; SameSite=Lax'), 'postern-keep-secure-b=1; SameSite=Lax');
  t.equal(up(names, 'Cookie', 'postern-keep-host-a=1; c=2; postern-keep-secure-b=3'), '__Host-a=1; c=2; __Secure-b=3');
  t.equal(up(sites, 'Cookie', 'a=1;b="x; y"'), 'a=1;b="x; y"', 'byte for byte where nothing is ours');
  t.equal(up(sites, 'Cookie', 'a=1; postern-local-7070=s; nameless; postern-local-7071=t'), 'a=1; nameless');
  t.equal(up(sites, 'Cookie', 'a=1; postern-local-7070; =postern-local-7070=x'), 'a=1', 'without a name');
  t.same(mapRequestHeaders(['Cookie', 'postern-local-7070=s', 'X', '1'], sites), ['X', '1']);
});

t.test('names of the local side', async (t) => {
  t.same(readLocalName('Wiki.localhost:7070', 7070), { kind: 'app', id: 'wiki' });
  t.same(readLocalName('postern.localhost', 80), { kind: 'portal' });
  t.same(readLocalName('localhost:7070', 7070), { kind: 'bare' });
  for (const host of [
    '127.0.0.1:7070',
    '[::1]:7070',
    'wiki.localhost',
    'wiki.localhost:70',
    'a.wiki.localhost:7070',
    'wiki.localhost.:7070',
    'evillocalhost:7070',
    'wiki.localhost:7070.evil.test',
    'evil.test:7070',
    '-x.localhost:7070',
    '',
  ])
    t.equal(readLocalName(host, 7070), undefined, host);
  t.equal(safeReturnPath('/a?b=//c'), '/a?b=//c');
  for (const path of [
    '//evil',
    '/\\evil',
    'a',
    '',
    null,
    undefined,
    '/a b',
    '/.postern-local/session',
    `/${'a'.repeat(2048)}`,
  ])
    t.equal(safeReturnPath(path), '/', String(path));
});
