/**
 * P16 P24: while the disk of the controller takes nothing somebody can be cut all the same, at every gateway that is there, and nobody is told that it is
 * kept. A cut only takes away, and only what was granted before it.
 */
import t, { type Test } from 'tap';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import type { CutReport } from '#shared/contracts/admin-objects.ts';
import type { StreamMessage } from '#shared/contracts/gateway-to-controller.ts';
import { grantReach } from '#shared/contracts/grant.ts';
import type { AdminCaller } from '../../controller/from-admins/admin-parts.ts';
import { keptOrCut } from '../../controller/from-admins/cut-unkept.ts';
import type { GatewayStreams } from '../../controller/from-gateways/gateway-streams.ts';
import { recordUnkept } from '../../controller/revocation/record-unkept.ts';
import { UnkeptCuts } from '../../controller/revocation/unkept-cuts.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { revocationSet } from '../../gateway/grants/revocation-set.ts';
import type { WireState } from '../../gateway/state/stream-types.ts';
import { reduceMessage } from '../../gateway/state/wire-state.ts';
import { makeState } from '../support/gate-ask.ts';
import { storedRecords } from '../support/stored-records.ts';

const start = Date.UTC(2026, 10, 20);
const full = new PosternError('disk-full', 'the store cannot grow');
const caller = { actor: 'shell', role: 'owner', standing: 'shell', person: undefined } as unknown as AdminCaller;

async function open(t: Test) {
  const { db, stop } = await openStore(':memory:');
  t.teardown(stop);
  const clock = { at: start, now: () => clock.at };
  const unkept = new UnkeptCuts(clock);
  const connected = new Set<string>();
  const streams = {
    unkept,
    connected: () => connected,
    cutUnkept: (...asked: Parameters<UnkeptCuts['add']>) => {
      const cut = unkept.add(...asked);
      for (const gateway of connected) unkept.confirm(gateway, cut.id, 2);
      return cut;
    },
  } as unknown as GatewayStreams;
  await db
    .insertInto('change_counter')
    .values({ id: 1, n: 41 })
    .onConflict((c) => c.column('id').doUpdateSet({ n: 41 }))
    .execute();
  const emma = { id: 'emma', name: 'Emma', email: null, role: 'employee', state: 'active', risk: 0, created_at: 0 };
  await db
    .insertInto('people')
    .values({ ...emma, last_sign_in_at: null, had_factors: 0 })
    .execute();
  const never = { jkt: null, public_jwk: null, certificate_serial: null, certificate_ends_at: null };
  const row = { ...never, identity_jwk: null, generation: null, through: 0, last_seen_at: null, joined_at: 0 };
  for (const id of ['gw-1', 'gw-2'])
    await db
      .insertInto('gateways')
      .values({
        id,
        site: id,
        address: 'gw:1',
        state: 'active',
        ...row,
        door: 'none',
        knock_ports: '',
        prelude_port: 0,
      })
      .execute();
  await db
    .insertInto('apps')
    .values({ id: 'wiki', site: 'gw-1', kind: 'http', definition: '{}', created_at: 0 })
    .execute();
  const asked = (kind: 'person' | 'app' | 'gateway' | 'everything', id: string, keep: () => Promise<CutReport>) =>
    keptOrCut({ db, clock, streams, log: silentLog }, caller, { kind, id, because: 'stolen' }, keep);
  return { db, clock, unkept, connected, asked };
}
const fail = (error: Error) => () => Promise.reject(error);

t.test('P16 what the disk does not take is cut where a gateway is there, and never said to be complete', async (t) => {
  const { connected, unkept, asked } = await open(t);
  connected.add('gw-1');
  const report = await asked('person', 'emma', fail(full));
  t.match(report, { change: 0, complete: false, sessions: 0, unkept: { until: start + grantReach * second } });
  t.match(report.gateways, [
    { gateway: 'gw-1', state: 'applied', streamsCut: 2 },
    { gateway: 'gw-2', state: 'waiting', streamsCut: 0 },
  ]);
  t.match(unkept.waiting(), [{ revocation: { kind: 'person', id: 'emma', seen: 42 } }]);
});

t.test('P16 nothing else that fails is a cut, nor a name that is not there, nor a gateway', async (t) => {
  const { unkept, asked } = await open(t);
  await t.rejects(asked('person', 'emma', fail(new PosternError('role-needed', 'no'))), { code: 'role-needed' });
  await t.rejects(asked('person', 'emma', fail(new TypeError('a fault'))), { name: 'TypeError' });
  await t.rejects(asked('person', 'nobody', fail(full)), { code: 'not-found' });
  await t.rejects(asked('gateway', 'gw-1', fail(full)), { code: 'disk-full' }, 'it would come back on its own');
  t.same(unkept.waiting(), []);
});

t.test('P13 P16 it takes back what was granted before it and nothing that comes after the next change', async (t) => {
  const { unkept, asked } = await open(t);
  await asked('person', 'emma', fail(full));
  const [order] = unkept.ordersFor('gw-2');
  const set = revocationSet(order!.revocations, start);
  const grant = { person: 'emma', device: 'd', session: 's', app: 'wiki', grant: 'g' };
  t.ok(set.match({ ...grant, seen: 41 }));
  t.notOk(set.match({ ...grant, seen: 42 }));
  t.notOk(set.match({ ...grant, person: 'emil', seen: 41 }));
});

t.test('P1 of an app the gateways of its site hear alone', async (t) => {
  const { unkept, asked } = await open(t);
  const report = await asked('app', 'wiki', fail(full));
  t.match(report.gateways, [{ gateway: 'gw-1' }]);
  t.equal(report.gateways.length, 1);
  t.equal(unkept.ordersFor('gw-1').length, 1);
  t.same(unkept.ordersFor('gw-2'), []);
});

t.test('P16 who comes later hears of it, as long as a grant from before can be alive', async (t) => {
  const { clock, unkept, asked } = await open(t);
  await asked('everything', '', fail(full));
  clock.at += grantReach * second - 1;
  t.equal(unkept.ordersFor('gw-2').length, 1);
  clock.at += 1;
  t.same(unkept.ordersFor('gw-2'), []);
  t.equal(unkept.waiting().length, 1, 'that it was not kept is told on');
  await asked('everything', '', async () => ({}) as CutReport);
  t.same(unkept.waiting(), [], 'until it is made again');
});

t.test('P24 a record tells of it once the disk takes one', async (t) => {
  const { db, clock, unkept, connected, asked } = await open(t);
  connected.add('gw-1');
  await asked('person', 'emma', fail(full));
  await t.rejects(
    unkept.tell(() => Promise.reject(full)),
    { code: 'disk-full' },
  );
  clock.at += 60 * second;
  await recordUnkept(db, clock.at, unkept);
  await recordUnkept(db, clock.at, unkept);
  const told = (await storedRecords(db)).filter(({ event }) => event === 'cut-unkept');
  t.equal(told.length, 1);
  const details = { what: 'person', id: 'emma', at: start, gateways: ['gw-1'] };
  t.match(told, [{ kind: 'revocation', actor: 'shell', because: 'stolen', time: clock.at, details }]);
});

t.test('P13 P16 at a gateway it has no number, outlives snapshots, and ends by itself', async (t) => {
  const { n, ...wire } = (makeState() as unknown as { wire: WireState }).wire;
  const state = { ...wire, n };
  const revocation = { kind: 'person', id: 'emma', seen: n + 1, until: start + 1000, reason: 'revoked' } as const;
  const cut: StreamMessage = { t: 'cut', id: 'cut_0000000001', time: start, revocations: [revocation] };
  const apply = (from: WireState | undefined, message: StreamMessage): WireState => {
    const next = reduceMessage(from, message);
    if (typeof next === 'string') throw new Error(next);
    return next;
  };
  t.equal(reduceMessage(undefined, cut), 'gap', 'nothing before a snapshot');
  const after = apply(state, cut);
  t.same(after.cuts, [revocation]);
  t.equal(after.n, n);
  t.same(apply(after, cut).cuts, [revocation], 'told again, it is one');
  t.same(reduceMessage(after, { t: 'heartbeat', n, time: start }), after);
  const snapshot = { t: 'snapshot', time: start + 1, ...state } as StreamMessage;
  t.same(apply(after, snapshot).cuts, [revocation]);
  t.same(apply(after, { ...snapshot, time: start + 1000 }).cuts, []);
  t.same(
    apply(apply(undefined, { ...snapshot, ...after } as StreamMessage), snapshot).cuts,
    [revocation],
    'a worker that starts later',
  );
});
