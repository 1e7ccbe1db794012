/** Every way of a local program to an app, through real agent, gateway and app. */
import t from 'tap';
import { ask, RawClient } from '../client-agent/from-apps/local-rig.ts';
import { startTriangle } from '../support/triangle.ts';

t.test('reverse proxy, HTTP proxy, CONNECT and SOCKS reach the apps of the sample organisation', async (t) => {
  const triangle = await startTriangle(t);
  const port = triangle.portalPort('emil');
  const page = { accept: '*/*' };

  const site = await ask(port, { host: `payroll.localhost:${port}`, headers: page });
  t.equal(site.status, 200);
  t.match(site.headers['postern-trace'], /^[0-9a-f]{32}$/);
  const byName = await ask(port, {
    host: 'payroll.corp.internal',
    path: 'http://payroll.corp.internal/',
    headers: page,
  });
  t.equal(byName.body, site.body, 'the same app by its real name');

  const redirect = await ask(port, { host: `wiki.localhost:${port}`, headers: page });
  t.equal(redirect.status, 302);
  t.notMatch(redirect.headers.location, 'corp.internal');

  const tunnel = new RawClient(t, port);
  tunnel.send('CONNECT echo.corp.internal:7007 HTTP/1.1\r\nHost: echo.corp.internal:7007\r\n\r\nthrough connect\n');
  t.match(await tunnel.until((text) => text.includes('THROUGH CONNECT')), /^HTTP\/1.1 200 [\s\S]*THROUGH CONNECT/);

  const name = 'echo.corp.internal';
  const socks = new RawClient(t, triangle.ports.employeeSocks);
  socks.send(Buffer.from([5, 1, 0, 5, 1, 0, 3, name.length, ...Buffer.from(name), 7007 >> 8, 7007 & 255]));
  socks.send('through socks\n');
  t.match(await socks.until((text) => text.includes('THROUGH SOCKS')), 'THROUGH SOCKS');

  const closed = new RawClient(t, port).send('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n');
  t.match(await closed.rest(), /^HTTP\/1.1 403 /);
});
