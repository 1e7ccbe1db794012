/** Windows between a check and its use, and what one peer can do to the controller's one thread and to its neighbours. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { sourceOf } from '#shared/base/source-of.ts';
import { generateKeyPair, keyThumbprint } from '#shared/crypto/keys.ts';
import type { Peer } from '#shared/wire/admit-peer.ts';
import { appRoutes } from '../../controller/from-agents/app-routes.ts';
import { addressRule, chargeAttempt } from '../../controller/identity/throttle.ts';
import { goodPassword, startEdge } from '../controller/support/edge-one.ts';
import { deviceId, PolicyDesk, sessionId } from '../support/policy-desk.ts';

const staff = '@id("staff") permit(principal in Group::"staff", action, resource);';

t.test('P4, P13 a key that was replaced while its call was under way gets no grant', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  const jkt = keyThumbprint(generateKeyPair().publicKey);
  await desk.db.updateTable('devices').set({ jkt }).where('id', '=', deviceId).execute();
  await t.rejects(desk.grant(), { code: 'certificate-refused' });
  t.same(await desk.db.selectFrom('grants').selectAll().execute(), []);
  await t.resolves(desk.grant({ jkt }));
  await desk.store.stop();
});

t.test('P14 publishing lets the event loop turn while it decides grants again', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  for (let i = 0; i < 300; i += 1) await desk.grant();
  let turns = 0;
  let going = true;
  const count = async () => {
    while (going) {
      await nextTurn();
      turns += 1;
    }
  };
  const counting = count();
  await desk.publish(`${staff} permit(principal, action, resource);`);
  going = false;
  await counting;
  t.ok(turns >= 5, `${turns} turns: heartbeats and other calls have theirs`);
  await desk.store.stop();
});

t.test('P11 the list of apps is rationed by device', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  const { apps } = appRoutes({ db: desk.db, clock: desk.clock, decider: desk.decider, organisation: 'Test' });
  const ask = (id: string) => {
    const peer: Peer = { ...desk.peer, id };
    const request = { raw: { socket: { remoteAddress: '10.1.2.3' } } };
    return apps({ peer, request, caller: { session: { id: sessionId } } } as never);
  };
  for (let i = 0; i < 20; i += 1) await ask(deviceId);
  await t.rejects(async () => ask(deviceId), { code: 'over-budget', extra: { retryAfterMs: 1000 } });
  t.same(await ask('dev_bbbbbbbb'), { apps: [] }, 'others are not touched');
  desk.now += 1000;
  t.match(await ask(deviceId), { apps: [{ id: 'ssh' }, { id: 'wiki' }] });
  await desk.store.stop();
});

t.test("P27 a neighbour who has the address blocked drives up nobody else's count", async (t) => {
  const edge = await startEdge(t);
  const agent = await edge.enrol(edge.ownerCode);
  const { secret } = await agent.signInFirst();
  const { db } = edge.store;
  const now = () => edge.clock.now();
  await db.transaction().execute(async (trx) => {
    for (let i = 0; i <= addressRule.free + 10; i += 1) {
      await trx.updateTable('throttle').set({ blocked_until: 0 }).execute();
      await chargeAttempt(trx, now(), 'address:127.0.0.1', addressRule);
    }
  });
  for (let i = 0; i < 10; i += 1) {
    const { flow } = await agent.call.signIn({ body: { purpose: 'sign-in' } });
    await t.rejects(agent.call.password({ params: { flow }, body: { password: goodPassword } }), {
      code: 'sign-in-throttled',
    });
  }
  edge.clock.advance(addressRule.most);
  await t.resolves(agent.signIn(secret), 'the person waits for the address and not for themselves');
});

t.test('P27 one subscriber is one source, however many addresses they have', (t) => {
  t.equal(sourceOf('10.0.0.1'), '10.0.0.1');
  const same = [
    '2001:db8:1:2::1',
    '2001:db8:1:2:ffff::9',
    '2001:0db8:0001:0002:0:0:0:1',
    '2001:db8:1:2::',
    '2001:db8:1:2::1%eth0',
  ];
  t.same(new Set(same.map(sourceOf)), new Set(['2001:db8:1:2::/64']));
  t.equal(sourceOf('::1'), '0:0:0:0::/64');
  t.equal(sourceOf('fe80::1'), 'fe80:0:0:0::/64');
  t.not(sourceOf('2001:db8:1:3::1'), sourceOf('2001:db8:1:2::1'));
  t.equal(sourceOf('unknown'), 'unknown');
  t.end();
});
