/** Which HTTP proxy a target is reached by: setting, environment, exceptions. */
import t from 'tap';
import { proxyOf, readProxy } from '#shared/wire/doors/proxy-of.ts';

const target = { host: 'controller.example.com', port: 443 };
const env = { HTTPS_PROXY: 'http://user:p%40ss@proxy.corp:3128' };

t.test('the environment is asked, and what it holds is read', async (t) => {
  const found = proxyOf({ setting: 'system', env }, target);
  t.match(found, { host: 'proxy.corp', port: 3128, isTls: false, name: 'proxy.corp:3128' });
  t.equal(found?.authorization, `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  t.match(proxyOf({ setting: 'system', env: { ...env, https_proxy: 'lower:1' } }, target), { host: 'lower', port: 1 });
  t.match(proxyOf({ setting: 'system', env: { ALL_PROXY: 'https://[2001:db8::1]' } }, target), {
    host: '2001:db8::1',
    port: 443,
    isTls: true,
  });
  t.equal(proxyOf({ setting: 'system', env: { HTTPS_PROXY: 'socks5://x:1' } }, target), undefined);
  t.equal(proxyOf({ setting: 'system', env: {} }, target), undefined);
});

t.test('a setting of its own comes before the environment', async (t) => {
  t.equal(proxyOf({ setting: 'none', env }, target), undefined);
  t.match(proxyOf({ setting: 'http://other:8080', env: { ...env, NO_PROXY: '*' } }, target), { host: 'other' });
  for (const bad of ['ftp://x:1', 'http://', 'http://a b:1'])
    t.throws(() => readProxy(bad), { code: 'invalid-config' }, bad);
  t.notMatch(String(t.throws(() => readProxy('ftp://user:geheim@x:1'))), /geheim/);
  const odd = readProxy('http://user:100%@x:1');
  t.equal(odd.authorization, `Basic ${Buffer.from('user:100%').toString('base64')}`, 'a % that begins no escape');
});

t.test('NO_PROXY: names with what is below them, addresses, networks, ports', async (t) => {
  const direct = (list: string, host: string, port = 443) =>
    proxyOf({ setting: 'system', env: { ...env, NO_PROXY: list } }, { host, port }) === undefined;
  for (const list of [
    '*',
    'example.com',
    '.example.com',
    '*.example.com',
    'x, controller.example.com',
    'example.com:443',
  ])
    t.ok(direct(list, 'controller.example.com'), list);
  for (const list of ['', 'ample.com', 'other.example.com', 'example.com:8443', '10.0.0.0/8'])
    t.notOk(direct(list, 'controller.example.com'), list);
  t.ok(direct('10.0.0.0/8', '10.1.2.3'));
  t.ok(direct('10.1.2.3', '10.1.2.3'));
  t.ok(direct('2001:db8::/32', '2001:db8::1'));
  t.notOk(direct('10.0.0.0/33', '10.1.2.3'));
  t.notOk(direct('10.2.0.0/16', '10.1.2.3'));
});

t.test('this machine itself is never asked of a proxy', async (t) => {
  for (const host of ['localhost', 'wiki.localhost', '127.0.0.1', '127.1.2.3', '::1'])
    t.equal(proxyOf({ setting: 'http://proxy:1', env }, { host, port: 1 }), undefined, host);
});
