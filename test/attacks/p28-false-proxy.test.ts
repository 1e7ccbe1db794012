/** P28: an HTTPS proxy that is not the one that was named hears no password, whether it is named by name or by address. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import t, { type Test } from 'tap';
import { connectByProxy } from '#shared/wire/doors/connect-proxy.ts';
import { readProxy } from '#shared/wire/doors/proxy-of.ts';
import { opensslCertificates } from '../support/openssl-certificates.ts';
import { needs } from '../support/programs.ts';

const target = { host: 'controller.example.com', port: 443 };

/** At loopback; says yes to everything. `heard` is what came to it in clear. */
async function openProxy(t: Test, { certificate, key }: { certificate: string; key: string }) {
  let heard = '';
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (socket) => {
    socket
      .on('error', () => {})
      .on('data', (bytes) => {
        heard += bytes;
        socket.write('HTTP/1.1 200 yes\r\n\r\n');
      });
  });
  const ends: Promise<unknown>[] = [];
  server.on('connection', (socket) => ends.push(once(socket, 'close')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return {
    dial: async (host: string) => {
      const proxy = readProxy(`https://me:geheim@${host}:${port}`);
      const socket = await connectByProxy(proxy, target, AbortSignal.timeout(20_000));
      socket.destroy();
    },
    heard: async () => {
      await Promise.all(ends);
      return heard;
    },
  };
}

t.test('P28: who is not the named HTTPS proxy hears no password', needs('openssl'), async (t) => {
  const dir = t.testdir({ ours: {}, others: {} });
  const ours = opensslCertificates(join(dir, 'ours'));
  const others = opensslCertificates(join(dir, 'others'));
  const before = getCACertificates('default');
  t.teardown(() => setDefaultCACertificates(before));
  setDefaultCACertificates([...before, readFileSync(ours.ca, 'utf8')]);

  for (const host of ['localhost', '127.0.0.1']) {
    const right = await openProxy(t, ours.server);
    await right.dial(host);
    t.match(await right.heard(), /^CONNECT controller\.example\.com:443 .*proxy-authorization: Basic /s, host);

    // By another issuer, and by the right one for nobody here.
    for (const [why, shown] of [
      ['issuer', others.server],
      ['name', ours.client],
    ] as const) {
      const false_ = await openProxy(t, shown);
      const error = await t.rejects(false_.dial(host), /HTTP proxy/, `${host}: ${why}`);
      t.notMatch(String(error), /geheim|Basic/);
      t.equal(await false_.heard(), '', `${host}: another ${why} hears nothing`);
    }
  }
});
