/** What an app says of its upstream, judged when it is written. */
import t from 'tap';
import { checkUpstream } from '../../../controller/admin/check-upstream.ts';
import type { HttpApp, UpstreamTls } from '../../../shared/contracts/app.ts';
import { makeWorld } from '../../support/gateway-world.ts';

const { root, issuer } = await makeWorld();
const now = Date.now();
const ca = root.certificate;
const pin = '0'.repeat(64);
const app = (tls: UpstreamTls | undefined, upstream = 'https://10.0.0.5'): HttpApp => ({
  id: 'wiki',
  name: 'Wiki',
  site: 'main',
  kind: 'http',
  hosts: ['wiki.corp.example'],
  upstream,
  ...(tls === undefined ? {} : { tls }),
});

t.test('TLS options that can work', async (t) => {
  const good: UpstreamTls[] = [
    { ca },
    { ca: `# our CA\n${ca}\n${issuer.certificate}` },
    { pin },
    { pin: [pin, pin] },
    { insecure: true },
    { serverName: 'wiki', minVersion: 'TLSv1.3', clientCertificate: 'postern' },
  ];
  for (const tls of good) t.doesNotThrow(() => checkUpstream(app(tls), now), JSON.stringify(tls).slice(0, 60));
  t.doesNotThrow(() => checkUpstream(app(undefined, 'http://10.0.0.5'), now));
});

t.test('TLS options that cannot, each with why', async (t) => {
  const year = 366 * 86_400_000;
  const bad: [string, UpstreamTls, RegExp, { upstream?: string; at?: number }?][] = [
    ['without TLS', { pin }, /is not https/, { upstream: 'http://10.0.0.5' }],
    ['two ways to trust', { ca, pin }, /ca and pin exclude each other/],
    ['a pin for nothing', { pin, insecure: true }, /pin and insecure exclude each other/],
    ['no certificate', { ca: 'here it is' }, /no certificate in PEM/],
    ['half a certificate', { ca: ca.replace('MII', 'MI') }, /certificate 1 of tls\.ca cannot be read/],
    ['a private key', { ca: `${ca}-----BEGIN PRIVATE KEY-----` }, /private key/],
    ['an expired CA', { ca }, /tls\.ca has expired/, { at: now + 50 * year }],
  ];
  for (const [name, tls, tell, { upstream, at = now } = {}] of bad) {
    t.throws(() => checkUpstream(app(tls, upstream), at), { code: 'bad-request', tell }, name);
  }
});
