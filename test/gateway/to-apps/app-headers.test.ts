import t from 'tap';
import type { HttpApp } from '#shared/contracts/app.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { type AppHeaderOrder, appHeaders } from '../../../gateway/to-apps/app-headers.ts';

const claims = { sub: 'anna', did: 'dev_1', groups: ['staff'] } as unknown as GrantClaims;
const wiki: HttpApp = {
  id: 'wiki',
  name: 'Wiki',
  kind: 'http',
  site: 'main',
  hosts: ['wiki.test'],
  upstream: 'http://a',
};

/** What the app is told by one header, when the same grant is used in these ways one after the other. */
function told(name: string, ...changes: readonly Partial<AppHeaderOrder>[]): (string | undefined)[] {
  return changes.map((change) => {
    const order = { app: wiki, rawHeaders: [], claims, identity: 'one', address: '10.0.0.1', via: 'gw-1', ...change };
    const canonical = { method: 'GET', host: 'wiki.test', path: '/', query: '' };
    const headers = appHeaders({ canonical, ...order });
    const at = headers.indexOf(name);
    return at < 0 ? undefined : headers[at + 1];
  });
}

t.test('what is kept for a grant is what this request would have been told', async (t) => {
  const from = [{}, { address: '10.0.0.2' }, { address: 'fe80::1' }, {}];
  t.same(told('x-forwarded-for', ...from), ['10.0.0.1', '10.0.0.2', 'fe80::1', '10.0.0.1']);
  const there = { method: 'GET', host: 'docs.test', path: '/', query: '' };
  t.same(told('x-forwarded-host', {}, { canonical: there }, {}), ['wiki.test', 'docs.test', 'wiki.test']);
  t.same(told('postern-identity', {}, { identity: 'two' }, {}), ['one', 'two', 'one']);
  const named: HttpApp = { ...wiki, identityHeaders: { 'x-user': 'person', 'x-groups': 'groups' } };
  t.same(told('x-user', {}, { app: named }, {}), [undefined, 'anna', undefined]);
  t.same(told('x-groups', { app: named, claims: { ...claims, groups: ['a', 'b'] } }, { app: named }), ['a,b', 'staff']);
});

t.test('a kept list is not what the request goes on to change', async (t) => {
  const order = { app: wiki, rawHeaders: ['A', 'b'], claims, identity: 'one', address: '10.0.0.1', via: 'gw-1' };
  const canonical = { method: 'GET', host: 'wiki.test', path: '/', query: '' };
  appHeaders({ canonical, ...order }).push('x', 'y');
  t.notOk(appHeaders({ canonical, ...order }).includes('x'));
});
