import t from 'tap';
import { redecideGrants, type Which } from '../../../controller/grants/redecide.ts';
import { deviceId, PolicyDesk, wikiApp } from '../../support/policy-desk.ts';

const redecide = (desk: PolicyDesk, which: Which = {}) =>
  desk.db.transaction().execute((trx) => redecideGrants(desk.decider, trx, desk.now, which, 'facts-changed'));

t.test('P14 only grants whose person, session, app or reach got worse are taken back', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(`permit(principal in Group::"staff", action, resource in AppGroup::"internal");
    permit(principal, action == Action::"connect", resource);`);
  const wiki = await desk.grant();
  const ssh = await desk.grant({ app: 'ssh', act: 'connect' });
  t.same((await redecide(desk)).revoked, [], 'nothing has changed');
  await desk.db.deleteFrom('group_members').execute();
  t.same((await redecide(desk, { person: 'bob' })).revoked, [], 'not asked about');
  const cut = await redecide(desk, { person: 'alice' });
  t.same(cut.revoked, [wiki.id]);
  t.ok(cut.n > wiki.claims.seen);
  await desk.db.updateTable('sessions').set({ state: 'ended' }).execute();
  t.same((await redecide(desk, { device: deviceId })).revoked, [ssh.id], 'nobody is signed in any more');
  t.match(await redecide(desk), { n: 0, revoked: [], looked: 0, last: undefined });
  await desk.store.stop();
});

t.test('P14 an app that is granted request by request, other operations and hosts, no app, no groups', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(`permit(principal, action, resource);
    forbid(principal, action == Action::"request", resource) when { context.request.operation == "export" };`);
  const request = { method: 'POST', host: 'wiki.test', path: '/dump', query: '' };
  const whole = await desk.grant({ request });
  const put = (app: object) =>
    desk.db
      .updateTable('apps')
      .set({ definition: JSON.stringify(app) })
      .where('id', '=', 'wiki')
      .execute();
  const again = async () => (await redecide(desk, { app: 'wiki' })).revoked;
  t.same(await again(), []);
  await put({ ...wikiApp, operations: { export: 'POST /dump' } });
  t.same(await again(), [], 'gateways judge it by the operations that the app has there');
  const byRequest = { ...wikiApp, exactRequest: true };
  await put(byRequest);
  t.same(await again(), [whole.id], 'no grant of the whole app lives on');
  const exact = await desk.grant({ request });
  t.same(exact.claims.rules, { v: 2, exact: request, permits: [{ p: 0 }], forbids: [] });
  t.same(await again(), []);
  await put(wikiApp);
  t.same(await again(), [], 'what serves one request is within what serves all');
  await put({ ...byRequest, operations: { export: 'POST /dump' } });
  t.same(await again(), [exact.id], 'the request has another operation');
  await put(byRequest);
  const elsewhere = await desk.grant({ request });
  await put({ ...byRequest, hosts: ['docs.test'] });
  t.same(await again(), [elsewhere.id], 'the app has the host no more');
  const ssh = await desk.grant({ app: 'ssh', act: 'connect' });
  await desk.db.deleteFrom('apps').where('id', '=', 'ssh').execute();
  t.same((await redecide(desk)).revoked, [ssh.id]);
  await put(wikiApp);
  const last = await desk.grant({ request });
  await desk.db.insertInto('group_members').values({ group_id: 'lost', person_id: 'alice' }).execute();
  t.same((await redecide(desk)).revoked, [last.id]);
  await desk.store.stop();
});

t.test('many are gone through in steps', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish('permit(principal, action, resource);');
  const ids = new Set<string>();
  for (let i = 0; i < 450; i += 1) ids.add((await desk.grant()).id);
  const { revoked } = await desk.publish('');
  t.same(new Set(revoked), ids);
  t.equal((await desk.db.selectFrom('grants').selectAll().execute()).length, 0);
  await desk.store.stop();
});
