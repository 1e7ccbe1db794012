/** `posternctl app` against a real controller. */
import { join } from 'node:path';
import t from 'tap';
import type { CheckStep, GatewayFinding } from '../../../shared/contracts/app-check.ts';
import { decodeInvitation } from '../../../shared/wire/invitation.ts';
import { makeWorld } from '../../support/gateway-world.ts';
import { joinGateway } from '../support/fake-peers.ts';
import { runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

t.test('apps from flags', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  const add = ['app', 'add', 'notes', '--host', 'notes.test', '--upstream', 'http://10.0.0.5'];
  t.match(await ctl(['app', 'add', 'notes']), { code: 2, err: /missing: --host, --upstream$/m });
  t.match(await ctl([...add, '--kind', 'tcp']), { code: 2, err: /missing: --port$/m });
  t.match(await ctl([...add, '--operation', 'export=POST /x/*/export']), { code: 0 });
  t.match(await ctl(add), { code: 1, err: /already/ });
  t.match(await ctl(['app', 'show', 'notes', '--json']), { out: /"operations":\{"export":"POST \/x\/\*\/export"\}/ });
  t.match(await ctl(['app', 'set', 'notes', '--upstream', 'http://127.0.0.1:1']), { code: 0, out: /export/ });
  t.match(await ctl(['app', 'set', 'notes', '--once', 'exprot']), { code: 1, err: /exprot .* none of its operations/ });
  t.match(await ctl(['app', 'set', 'notes', '--once', 'export', '--once-none']), {
    code: 2,
    err: /exclude each other/,
  });
  t.match(await ctl(['app', 'set', 'notes', '--once', 'export', '--json']), { code: 0, out: /"once":\["export"\]/ });
  t.match(await ctl(['app', 'set', 'notes', '--name', 'Notes', '--json']), { code: 0, out: /"once":\["export"\]/ });
  t.notMatch(await ctl(['app', 'set', 'notes', '--once-none', '--json']), { out: /once/ });
  t.match(await ctl(['app', 'set', 'notes', '--upstream', 'nonsense']), { code: 1, err: /upstream/ });
  t.match(await ctl(['app', 'remove', 'notes']), { code: 0, out: /^The app notes is removed/ });
});

t.test('app check: what each gateway finds, and what lies around it', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  await ctl(['app', 'add', 'notes', '--host', 'notes.test', '--upstream', 'http://127.0.0.1:1']);
  const check = () => ctl(['app', 'check', 'notes']);
  t.match(await ctl(['app', 'check', 'nothing']), { code: 1, err: /There is no such app/ });
  t.match(await check(), { code: 1, out: /FAIL +No gateway serves site main: posternctl gateway invite/ });

  const gateway = await joinGateway(t, controller, 'gw-main');
  const ok: CheckStep = { step: 'answer', result: 'ok', told: 'GET / answers 302 Found' };
  const finding = (changes: Partial<GatewayFinding> = {}) => ({ steps: [ok], addresses: ['127.0.0.1'], ...changes });
  gateway.finds = () => finding();
  const good = await check();
  t.match(good, { code: 0, out: /from gateway gw-main\nok +answer +GET \/ answers 302 Found/ });
  t.match(good.out, /ok +direct +the upstream is on the gateway's own host[\s\S]*not tested\n.*ss -ltn/);
  t.match(await ctl(['log', 'search', '--kind', 'admin', '--limit', '1', '--json']), {
    out: /"event":"app-checked"[\s\S]*"because":"app check"/,
  });

  gateway.finds = () => finding({ redirect: 'https://login.example/start' });
  t.match(await check(), { code: 0, out: /warn +redirect +login\.example is no app/ });
  gateway.finds = () => finding({ redirect: 'https://notes.test/home' });
  t.match(await check(), { code: 0, out: /ok +redirect +notes\.test is the app itself/ });
  gateway.finds = () => finding({ addresses: ['10.0.0.5'] });
  const far = await check();
  t.match(far, { code: 0, out: /- +direct +the controller is on the host of a gateway/ });
  t.match(far.out, /not tested\n.*curl --connect-timeout 5 -k http/, 'what only others can tell');
  gateway.finds = () => finding({ steps: [{ ...ok, result: 'fail', told: 'no\u001b[31m!', advice: 'start it' }] });
  t.match(await check(), { code: 1, out: /FAIL +answer +no\S*\n +-> start it/ }, 'what a gateway says is made safe');
});

t.test('TLS to the upstream from flags: one way to trust takes the place of another', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  const dir = t.testdir({ 'ca.pem': (await makeWorld()).root.certificate, 'none.pem': 'nothing' });
  const ca = join(dir, 'ca.pem');
  const tlsOf = async () => JSON.parse((await ctl(['app', 'show', 'notes', '--json'])).out).tls;
  const add = ['app', 'add', 'notes', '--host', 'notes.test', '--upstream', 'https://10.0.0.5', '--tls-ca', ca];
  t.match(await ctl([...add, '--tls-name', 'notes.inside', '--tls-min', 'TLSv1.3']), { code: 0 });
  t.match(await tlsOf(), { ca: /BEGIN CERTIFICATE/, serverName: 'notes.inside', minVersion: 'TLSv1.3' });
  const set = (...flags: string[]) => ctl(['app', 'set', 'notes', ...flags]);
  t.match(await set('--tls-pin', ca), { code: 0 }, 'a certificate is as good as its pin');
  const { pin, ...others } = await tlsOf();
  t.match(pin, /^[0-9a-f]{64}$/);
  t.same(others, { serverName: 'notes.inside', minVersion: 'TLSv1.3' }, 'the CA is gone, the rest stays');
  t.match(await set('--tls-pin', 'abc'), { code: 1, err: /neither 64 hex digits nor a file|cannot be read/ });
  t.match(await set('--tls-pin', join(dir, 'none.pem')), { code: 1, err: /neither 64 hex digits nor a file/ });
  t.match(await set('--tls-min', 'SSLv3'), { code: 2, err: /--tls-min is one of: TLSv1\.2, TLSv1\.3/ });
  t.match(await set('--tls-ca', join(dir, 'none.pem')), { code: 1, err: /no certificate in PEM/ });
  t.match(await set('--upstream', 'http://10.0.0.5'), { code: 1, err: /not https/ });
  t.match(await set('--tls-insecure'), { code: 0 });
  t.match(await ctl(['status']), { code: 1, out: /! App notes takes any certificate from its upstream/ });
  t.match(await set('--tls-default'), { code: 0 });
  t.equal(await tlsOf(), undefined);
  t.notMatch((await ctl(['status'])).out, /App notes takes any/);
});

t.test('P11 an app granted request by request: said once what that costs, shown, and taken back', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  await ctl(['app', 'add', 'notes', '--host', 'notes.test', '--upstream', 'http://10.0.0.5']);
  const set = (...flags: string[]) => ctl(['app', 'set', 'notes', ...flags]);
  const shown = async () => JSON.parse((await ctl(['app', 'show', 'notes', '--json'])).out).exactRequest;
  t.match(await set('--exact-request'), { code: 0, out: /request by request from now on: nothing is on record yet/ });
  t.equal(await shown(), true);
  t.notMatch((await set('--name', 'Notes')).out, /from now on/);
  t.equal(await shown(), true, 'other flags leave it');
  t.match(await set('--exact-request', '--whole-app'), { code: 2, err: /exclude each other/ });
  t.match(await set('--whole-app'), { code: 0 });
  t.equal(await shown(), undefined);
});

t.test('app permit: the first policy, for a group or a person', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  const add = ['app', 'add', 'notes', '--host', 'notes.test', '--upstream', 'http://10.0.0.5', '--permit'];
  t.match(await ctl([...add, 'nobody']), { code: 1, err: /neither a group nor a person nobody/ });
  t.match(await ctl(['app', 'show', 'notes']), { code: 1, err: /no app notes/ }, 'and nothing was added');
  t.match(await ctl([...add, 'olga']), {
    code: 0,
    err: /Policy notes-olga: olga may use notes\. Version 1 is in force/,
  });
  t.match(await ctl(['app', 'permit', 'notes', 'olga']), { code: 1, err: /there is a policy notes-olga already/ });
  await ctl(['group', 'set', 'staff']);
  t.match(await ctl(['app', 'permit', 'notes', 'staff', '--json']), { code: 0, out: /"permitted":"staff"/ });
  const { out } = await ctl(['policy', 'show']);
  t.match(out, /principal == Person::"olga", action == Action::"request", resource == App::"notes"/, 'the first stays');
  t.match(out, /principal in Group::"staff"[\s\S]*secondFactor/);
  const added = await ctl(['person', 'add', 'emma', '--group', 'staff', '--invite']);
  t.match(added, { code: 0, err: /emma \(emma\) is added/ });
  t.match(decodeInvitation(added.out), { r: 'device' });
});
