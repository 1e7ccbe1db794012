/** P14: thousands of grants are refused in one moment, and the agents do not come in one moment. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { createAskBudget } from '../../client-agent/grants/ask-budget.ts';
import { GrantDesk } from '../../client-agent/grants/grant-desk.ts';
import { takeBack } from '../../controller/admin/take-back.ts';
import { renewalsPerSecond, spreadRenewals } from '../../controller/revocation/spread-renewals.ts';
import { renewLater } from '../../gateway/gates/renew-later.ts';
import { revocationGate } from '../../gateway/gates/revocation.ts';
import { reduceMessage } from '../../gateway/state/wire-state.ts';
import { fakeGrant } from '../support/fake-edge-controller.ts';
import { claims, makeAsk, makeState, now } from '../support/gate-ask.ts';
import { PolicyDesk } from '../support/policy-desk.ts';

/** A gateway that has just heard that so many grants were taken back. */
function refusing(grants: number) {
  const revocations = [
    { kind: 'everything' as const, id: '', seen: 1000, until: now + 600_000, reason: 'policy-changed' as const },
  ];
  const state = makeState({ revocations });
  const change = { t: 'change' as const, after: 10, n: 11, time: now, changes: spreadRenewals(grants) };
  const wire = reduceMessage((state as never as { wire: never }).wire, change);
  if (typeof wire === 'string') throw new Error(wire);
  return { ...state, spread: wire.spread };
}

t.test('P14 30,000 grants refused in one instant are renewed at the rate that the controller can bear', async (t) => {
  const state = refusing(30_000);
  const perSecond = new Map<number, number>();
  for (let n = 0; n < 30_000; n += 1) {
    const found = { claims: { ...claims, jti: `gr_${n.toString(36).padStart(20, 'x')}` } };
    const verdict = revocationGate(makeAsk({ found }), state, now);
    if (verdict?.code !== 'grant-revoked') t.fail(`${verdict?.code}`);
    const wait = Number(verdict?.extra?.['retryAfterMs'] ?? 0);
    const second = Math.floor(wait / 1000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  const most = Math.max(...perSecond.values());
  t.comment(`${perSecond.size} seconds, at most ${most} in one`);
  t.ok(most < renewalsPerSecond * 1.2, `${most} in the busiest second`);
  t.ok(perSecond.size >= 30);
});

t.test('P14 all requests under one grant are told one moment, and after the time nobody waits', async (t) => {
  const state = refusing(5000);
  fc.assert(
    fc.property(fc.string({ minLength: 8 }), fc.nat(4999), (name, later) => {
      const first = renewLater(name, state, now).extra?.['retryAfterMs'] ?? 0;
      const again = renewLater(name, state, now + later).extra?.['retryAfterMs'] ?? 0;
      const left = Number(first) - later;
      return Number(first) <= 5000 && Number(again) === Math.max(0, left);
    }),
  );
  t.same(renewLater('gr_1', state, now + 5000), {});
  t.same(
    revocationGate(makeAsk({ found: { claims } }), refusing(3), now),
    { code: 'grant-revoked' },
    'few come at once',
  );
});

t.test(
  'P14 however many requests are refused, an agent asks once for each app, and not before its moment',
  async (t) => {
    let asked = 0;
    const desks = Array.from({ length: 200 }, () => {
      const ask = async () => {
        asked += 1;
        const number = asked;
        await nextTurn();
        const id = `gr_${String(number).padStart(8, '0')}`;
        return { grant: fakeGrant(id), id, expiresInMs: 60_000, scope: 'app' as const, gateways: [] };
      };
      return new GrantDesk({ ask, budget: createAskBudget(systemClock), clock: systemClock, log: silentLog });
    });
    const order = { app: 'wiki', act: 'request' as const, exact: undefined, trace: 'a'.repeat(32) };
    const held = await Promise.all(desks.map((desk) => desk.get(order)));
    const before = asked;
    const waiting = desks.flatMap((desk, at) =>
      Array.from({ length: 10 }, () => {
        desk.forget(held[at]!.id, 2000);
        return desk.get(order);
      }),
    );
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    t.equal(asked, before, 'nobody has come yet');
    const next = await Promise.all(waiting);
    t.equal(asked, before + desks.length, '2,000 requests, one renewal for each agent');
    t.equal(new Set(next.map(({ id }) => id)).size, desks.length);
  },
);

t.test('P14 the controller says how long it needs: revoking, publishing', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish('@id("staff") permit(principal in Group::"staff", action, resource);');
  const spreads = async () => {
    const rows = await desk.db.selectFrom('changes').select('changes').orderBy('n').execute();
    const changes = rows.flatMap((row) => JSON.parse(row.changes) as { kind: string; ms?: number }[]);
    return changes.filter(({ kind }) => kind === 'spread').map(({ ms }) => ms);
  };
  for (let n = 0; n < 20; n += 1) await desk.grant();
  await desk.publish('forbid(principal, action, resource);');
  t.same(await spreads(), [], 'few are not worth waiting for');
  await desk.publish('@id("staff") permit(principal in Group::"staff", action, resource);');
  for (let n = 0; n < 300; n += 1) await desk.grant();
  await desk.publish('forbid(principal, action, resource);');
  t.same(new Set(await spreads()), new Set([300]), 'each step of publishing names the time that all of them need');
  await desk.publish('@id("staff") permit(principal in Group::"staff", action, resource);');
  for (let n = 0; n < 200; n += 1) await desk.grant();
  const authority = {} as never;
  await desk.db
    .transaction()
    .execute((trx) => takeBack(trx, desk.now, { kind: 'everything', id: '' }, { actor: 'test', authority }));
  t.equal((await spreads()).at(-1), 200);
  await desk.store.stop();
});
