import { existsSync } from 'node:fs';
import { connect } from 'node:tls';
import t from 'tap';
import { fetch } from 'undici';
import { adminSocketOf, controllerConfig, loadControllerConfig } from '../../controller/config.ts';
import { startController } from '../../controller/wiring.ts';
import { describeConfig } from '../../shared/base/config-docs.ts';
import type { PosternError } from '../../shared/base/errors.ts';
import { silentLog } from '../../shared/base/log.ts';
import { decodeInvitation } from '../../shared/wire/invitation.ts';
import { fetchPinnedRoot } from '../../shared/wire/pinned-root.ts';
import { runController, testConfig } from './support/run-controller.ts';

t.test('starts every listener, one controller per directory, and starts again after a stop', async (t) => {
  const controller = await runController(t);
  const { addresses, dir, clock, config, first, as } = controller;
  const health = await fetch(`http://${addresses.metrics}/health`);
  t.same(await health.json(), { status: 'ok' });
  const metrics = await (await fetch(`http://${addresses.metrics}/metrics`)).text();
  t.match(metrics, /^postern_gateways_connected 0$/m);
  t.notMatch(metrics, 'olga');
  const api = await (await fetch(`http://${addresses.metrics}/docs/json`)).json();
  t.match(api, { openapi: '3.1.0', paths: { '/v1/grants': { post: {} }, '/v1/gateway/stream': { get: {} } } });

  const [host = '', port] = addresses.bootstrap.split(':');
  const { p: pin } = decodeInvitation(first.invitation);
  t.match(await fetchPinnedRoot({ host, port: Number(port), pin }), /BEGIN CERTIFICATE/);
  const { invitation } = await as().invite({ body: { person: 'olga' } });
  t.match(decodeInvitation(invitation), { u: addresses.bootstrap, c: addresses.mutual, p: pin });

  const around = { clock, log: silentLog, env: {} };
  await t.rejects(startController(config, around), { code: 'conflict' });
  await controller.stop();
  t.notOk(existsSync(addresses.adminSocket));
  const again = await startController(config, around);
  t.match(await as().status(), { people: 1 });
  await again.stop();
  t.ok(dir);
});

t.test('a stranger without a certificate gets nothing from the mutual server', async (t) => {
  const { addresses } = await runController(t);
  const [host = '', port] = addresses.mutual.split(':');
  const received = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      socket.write('GET /v1/apps HTTP/1.1\r\nHost: x\r\n\r\n');
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve(text));
  });
  t.equal(received, '');
});

t.test('an empty directory is no controller', async (t) => {
  const config = testConfig(t.testdir());
  await t.rejects(startController(config, { log: silentLog, env: {} }), { code: 'invalid-config' });
  // Nothing is left open or locked by the failure.
  await t.rejects(startController(config, { log: silentLog, env: {} }), { code: 'invalid-config' });
});

t.test('every option is described, and complaints come at once', async (t) => {
  t.match(describeConfig(controllerConfig), '| `listen.mutual` | `POSTERN_LISTEN_MUTUAL` |');
  const env = { POSTERN_LISTEN_MUTUAL: 'x', POSTERN_LOG_LEVEL: 'loud', POSTERN_ODD: '1', POSTERN_MASTER_KEY: 'known' };
  const complaints = (error: unknown) => (error as PosternError).extra?.['complaints'] as string[];
  try {
    loadControllerConfig({ env });
    t.fail('must be refused');
  } catch (error) {
    t.equal(complaints(error).length, 3);
  }
  const long = testConfig(`/tmp/${'long/'.repeat(30)}`);
  t.throws(() => adminSocketOf(long), { code: 'invalid-config' });
});
