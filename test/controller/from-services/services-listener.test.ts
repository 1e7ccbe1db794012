/** The services listener: off unless switched on, a port of its own, its certificate and what it says of itself. */
import { execFileSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { fetch } from 'undici';
import { loadControllerConfig } from '../../../controller/config.ts';
import { makeServicesListener } from '../../../controller/from-services/services-listener.ts';
import { asPosternError } from '../../../shared/base/errors.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { runTool } from '../../support/journey-tools.ts';
import { needs } from '../../support/programs.ts';
import { openTestController } from '../support/open-controller.ts';
import { runController } from '../support/run-controller.ts';
import { runServices, vectorStore } from '../support/run-services.ts';

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connectTcp({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

t.test('P28 off by default: nothing listens, and status says nothing of it', async (t) => {
  t.equal(loadControllerConfig({ env: {} }).services.enabled, false);
  // A port that was free a moment ago.
  const { url } = await runServices(t);
  const port = Number(new URL(url).port) + 1;
  const controller = await runController(t, { 'services.port': port });
  t.equal(controller.addresses.services, undefined);
  t.equal(await isOpen(port), false);
  t.notOk('services' in (await controller.as().status()));
});

t.test('P28 never at the port of another listener, nor with half a certificate', async (t) => {
  const complaints = (overrides: Record<string, unknown>): unknown => {
    try {
      loadControllerConfig({ env: {}, overrides: { 'services.enabled': true, ...overrides } });
      return [];
    } catch (error) {
      return asPosternError(error).extra?.['complaints'];
    }
  };
  t.same(complaints({}), []);
  t.match(complaints({ 'services.port': 8443 }), [/listen\.mutual/]);
  t.match(complaints({ 'services.port': 8442 }), [/listen\.bootstrap/]);
  t.match(complaints({ 'services.port': 9464 }), [/metrics\.port/]);
  t.match(complaints({ 'services.port': 8443, 'services.key': '/k' }), [/listen\.mutual/, /set both/]);
  t.match(complaints({ 'services.certificate': '/c' }), [/set both/]);
  t.same(complaints({ 'services.port': 8443, 'services.enabled': false }), []);
});

t.test('status and metrics tell of it, metrics without any name', async (t) => {
  const { admin, ask, controller, url } = await runServices(t, { stores: { shop: vectorStore('certification') } });
  t.equal((await admin.status()).services, url);
  const body = {
    subject: { type: 'user', id: 'alice' },
    action: { name: 'read' },
    resource: { type: 'record', id: 'r' },
  };
  await ask('/stores/shop/access/v1/evaluation', body);
  await ask('/stores/shop/access/v1/evaluation', { ...body, action: { name: 'fly' } });
  await ask('/stores/shop/access/v1/search/action', { subject: body.subject, resource: body.resource });
  await ask('/stores/shop/access/v1/evaluation', {});
  const metrics = await (await fetch(`http://${controller.addresses.metrics}/metrics`)).text();
  for (const line of ['permits_total 1', 'denies_total 1', 'searches_total 1', 'refused_total 1'])
    t.match(metrics, `postern_authzen_${line}`);
  t.notMatch(metrics, /alice|shop|tests/);
  const { token } = await admin.addApiClient({ body: { name: 'brief', scopes: ['authzen'], days: 1 } });
  t.ok(token);
  t.match((await admin.status()).todo.join('\n'), 'The token of API client brief ends at');
});

t.test('evaluations are on record when the setting says so, and only then', async (t) => {
  for (const records of ['none', 'all']) {
    const stores = { shop: vectorStore('certification') };
    const { ask, controller } = await runServices(t, { config: { 'services.records': records }, stores });
    const body = { subject: { type: 'user', id: 'alice' }, resource: { type: 'record', id: 'record-1' } };
    const evaluations = [{ action: { name: 'read' } }, { action: { name: 'fly' } }, {}];
    await ask('/stores/shop/access/v1/evaluations', { ...body, evaluations });
    await ask('/stores/shop/access/v1/search/action', body);
    const { records: items } = await controller.as().records({ query: { kind: 'authzen' } });
    const told = items.map(({ verdict, actor, policies, event }) => [verdict, actor, policies, event]);
    const wanted = [
      ['allow', 'client tests', ['everyone-reads'], 'evaluation'],
      ['deny', 'client tests', [], 'evaluation'],
      ['deny', 'client tests', [], 'evaluation'],
      ['none', 'client tests', undefined, 'action-search'],
    ];
    const sorted = (rows: unknown[]) => rows.map((row) => JSON.stringify(row)).sort();
    t.same(sorted(told), records === 'all' ? sorted(wanted) : [], records);
  }
});

t.test("an administrator's certificate, read again when its files changed", needs('openssl'), async (t) => {
  const dir = t.testdir();
  const files = { certificate: join(dir, 'c.pem'), key: join(dir, 'k.pem') };
  const make = (name: string) => {
    const [key, certificate] = [join(dir, `${name}.key`), join(dir, `${name}.crt`)];
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', [...args, '-subj', `/CN=${name}`, '-keyout', key, '-out', certificate], {
      stdio: 'ignore',
    });
    return { key, certificate };
  };
  const use = ({ key, certificate }: typeof files) => {
    renameSync(key, files.key);
    renameSync(certificate, files.certificate);
  };
  const { authority } = await openTestController(t);
  const options = { authority, log: silentLog, files, leastTls: 'TLSv1.2' as const, lookMs: 10 };
  t.throws(() => makeServicesListener(options), { code: 'invalid-config', message: /cannot be read/ });
  writeFileSync(files.certificate, 'no PEM');
  writeFileSync(files.key, 'no PEM');
  t.throws(() => makeServicesListener(options), { code: 'invalid-config', message: /no certificate/ });
  const odd = make('odd');
  renameSync(odd.certificate, files.certificate);
  t.throws(() => makeServicesListener(options), { code: 'invalid-config', message: /no private key/ });

  use(make('first'));
  const listener = makeServicesListener(options);
  t.teardown(() => listener.stop());
  const port = await listener.listen({ host: '127.0.0.1', port: 0 });
  const seen = (maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3') =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, maxVersion }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.once('error', reject);
    });
  const until = async (wanted: string) => {
    while ((await seen()) !== wanted) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  t.equal(await seen('TLSv1.2'), 'first', 'older callers, where the setting lets them in');
  const second = make('second');
  // Half of a new pair: what is in use stays.
  renameSync(second.certificate, files.certificate);
  for (let look = 0; look < 5; look++) t.equal(await seen(), 'first');
  renameSync(second.key, files.key);
  await until('second');
  use(make('third'));
  await until('third');
  t.ok(listener.certificateEndsAt() > Date.now());
});

t.test('curl is a client, with the root that `posternctl trust` shows', needs('curl'), async (t) => {
  const { admin, token, url } = await runServices(t, { stores: { shop: vectorStore('certification') } });
  const dir = t.testdir({ 'ca.pem': (await admin.trust()).bundle.join('\n') });
  const ask = (...args: string[]) =>
    runTool('curl', ['--silent', '--show-error', '--cacert', join(dir, 'ca.pem'), ...args]);
  const body = {
    subject: { type: 'user', id: 'alice' },
    action: { name: 'read' },
    resource: { type: 'record', id: 'record-1' },
  };
  const json = ['--header', 'content-type: application/json', '--header', `authorization: Bearer ${token}`];
  const answer = await ask(...json, '--data', JSON.stringify(body), `${url}/stores/shop/access/v1/evaluation`);
  t.match(JSON.parse(answer.stdout), { decision: true });
  const discovered = await ask(`${url}/.well-known/authzen-configuration/stores/shop`);
  t.equal(JSON.parse(discovered.stdout).policy_decision_point, `${url}/stores/shop`);
});
