/** The look from the controller's host: only where the app is, and never at itself. */
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import t from 'tap';
import { isThisHost, tryAround } from '../../../controller/admin/try-around.ts';
import type { App } from '../../../shared/contracts/app.ts';

const app = (port: number): App => ({
  id: 'db',
  name: 'db',
  site: 'main',
  kind: 'tcp',
  host: 'db.corp.example',
  port: 5432,
  upstream: `db.corp.internal:${port}`,
});
const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

t.test('addresses that every host has for itself are not dialled', async (t) => {
  let dialled = 0;
  const server = createServer((socket) => {
    dialled += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '::1', '0.0.0.0', '169.254.169.254', 'fe80::1%eth0', '::']) {
    t.match(await tryAround(app(port), { addresses: [address], isHere: false }), { result: 'closed' }, address);
  }
  t.equal(dialled, 0);
  t.match(await tryAround(app(port), { addresses: ['nonsense'], isHere: false }), { result: 'not-tested' });
});

t.test('open and closed', { skip: own === undefined && 'this host has loopback only' }, async (t) => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, own, resolve));
  const { port } = server.address() as { port: number };
  const around = { addresses: [own!], isHere: false };
  t.match(await tryAround(app(port), around), { result: 'open', advice: /firewall/ });
  t.match(await tryAround(app(port), { ...around, isHere: true }), { result: 'not-tested' });
  await new Promise((resolve) => server.close(resolve));
  t.match(await tryAround(app(port), around), { result: 'closed', told: /ECONNREFUSED/ });
  t.ok(isThisHost(own));
  t.ok(isThisHost('::ffff:127.0.0.1'));
  t.notOk(isThisHost('203.0.113.9'));
  t.notOk(isThisHost(undefined));
});
