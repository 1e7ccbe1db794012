import t from 'tap';
import type { App } from '#shared/contracts/app.ts';
import { listApps } from '../../../controller/grants/list-apps.ts';
import { deviceId, PolicyDesk, sessionId } from '../../support/policy-desk.ts';

t.test('P12 people see the apps they may use, now or after a fix of their own, and no others', async (t) => {
  const desk = await PolicyDesk.open();
  const list = (over = {}) =>
    listApps(desk.db, desk.decider, { device: deviceId, session: sessionId, address: '10.0.0.1', ...over }, desk.now);
  t.same(await list(), [], 'no policy');
  await desk.publish(`permit(principal in Group::"staff", action == Action::"request", resource == App::"wiki") when { context.request.path like "/a*" };
    permit(principal, action, resource == App::"ssh") when { context.device.firewallOn };`);
  t.same(await list(), [
    {
      id: 'ssh',
      name: 'SSH',
      kind: 'tcp',
      hosts: ['ssh.test'],
      port: 22,
      usable: false,
      why: 'This device must be put right first.',
      fixes: [
        {
          kind: 'posture',
          fact: 'firewallOn',
          text: 'This device has not reported yet: "A firewall limits what may connect to the device."',
        },
      ],
    },
    { id: 'wiki', name: 'Wiki', kind: 'http', hosts: ['wiki.test'], usable: true, fixes: [] },
  ]);
  await desk.publish('permit(principal == Person::"alice", action, resource == App::"ssh");');
  t.match(
    (await list()).map(({ id, usable }) => [id, usable]),
    [['ssh', true]],
  );
  await desk.db.insertInto('groups').values({ id: 'finance', name: 'Finance', created_at: 0 }).execute();
  await desk.publish(`permit(principal, action == Action::"request", resource == App::"wiki")
    when { if principal in Group::"finance" then context.request.method == "GET" else false };
    permit(principal, action == Action::"request", resource == App::"wiki")
    when { !(if principal in Group::"finance" then context.request.method != "GET" else true) };`);
  t.same(await list(), [], 'a condition on the request hides no condition on the person');
  t.same(await list({ session: undefined }), []);
  await desk.db.updateTable('devices').set({ state: 'pending' }).execute();
  t.same(await list(), []);
  await desk.store.stop();
});

t.test('P12 P22 whom an app lists is told, but not the names of apps that this person may not use', async (t) => {
  const desk = await PolicyDesk.open();
  const origins = ['https://partner.test', 'https://hidden.test', 'https://shown.test:8443'];
  const app = (id: string, more = {}) =>
    ({
      id,
      name: id,
      kind: 'http',
      site: 'main',
      hosts: [`${id}.test`],
      upstream: 'http://127.0.0.1:1',
      ...more,
    }) as App;
  await desk.putApp(app('lists', { allowOrigins: origins }));
  await desk.putApp(app('open', { crossSite: 'allow' }));
  for (const id of ['shown', 'hidden']) await desk.putApp(app(id));
  await desk.publish(`permit(principal, action, resource) unless { resource == App::"hidden" };`);
  const ask = { device: deviceId, session: sessionId, address: '10.0.0.1' };
  const listed = new Map((await listApps(desk.db, desk.decider, ask, desk.now)).map((one) => [one.id, one]));
  t.notOk(listed.has('hidden'));
  t.same(listed.get('lists')?.allowOrigins, ['https://partner.test', 'https://shown.test:8443']);
  t.equal(listed.get('open')?.crossSite, 'allow');
  t.notOk('allowOrigins' in listed.get('shown')!);
  await desk.store.stop();
});
