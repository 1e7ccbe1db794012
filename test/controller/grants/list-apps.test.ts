import t from 'tap';
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
          text: 'Not known of this device now: "A firewall limits what may connect to the device."',
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
  t.same(await list({ session: undefined }), []);
  await desk.db.updateTable('devices').set({ state: 'pending' }).execute();
  t.same(await list(), []);
  await desk.store.stop();
});
