import t from 'tap';
import type { StreamChange, StreamMessage } from '#shared/contracts/gateway-to-controller.ts';
import { revocableOf } from '../../../gateway/gates/revocation.ts';
import { revocationSet } from '../../../gateway/grants/revocation-set.ts';
import type { WireState } from '../../../gateway/state/stream-types.ts';
import { reduceMessage } from '../../../gateway/state/wire-state.ts';
import { ControllerTime } from '../../../gateway/to-controller/controller-time.ts';
import { claims, makeState } from '../../support/gate-ask.ts';
import { httpApp, tcpApp } from '../../support/gateway-apps.ts';

const wire = (makeState() as unknown as { wire: WireState }).wire;
const change = (after: number, n: number, ...changes: StreamChange[]): StreamMessage => ({
  t: 'change',
  after,
  n,
  time: 5000,
  changes,
});
const apply = (state: WireState | undefined, message: StreamMessage): WireState => {
  const next = reduceMessage(state, message);
  if (typeof next === 'string') throw new Error(next);
  return next;
};

t.test('P13 only the message that follows is taken', async (t) => {
  t.equal(reduceMessage(undefined, change(0, 1)), 'gap', 'nothing before a snapshot');
  t.equal(reduceMessage(wire, change(10, 11)) === 'gap', false);
  t.equal(reduceMessage(wire, change(9, 11)), 'gap', 'what follows something else');
  t.equal(reduceMessage(wire, change(11, 12)), 'gap', 'something is missing');
  t.equal(reduceMessage(wire, change(10, 10)), 'gap', 'a number twice');
  t.equal(reduceMessage(wire, change(8, 9)), 'step-back');
  t.equal(reduceMessage(wire, { t: 'heartbeat', n: 9, time: 1 }), 'step-back');
  t.equal(reduceMessage(wire, { t: 'heartbeat', n: 11, time: 1 }), 'gap');
  t.equal(reduceMessage(wire, { t: 'heartbeat', n: 10, time: 1 }), wire, 'a heartbeat changes nothing');
});

t.test('each change does its part and leaves the state before it alone', async (t) => {
  const before = JSON.stringify(wire);
  const revocation = (id: string, until: number) =>
    ({ kind: 'person', id, seen: 11, until, reason: 'revoked' }) as const;
  const first = apply(
    wire,
    change(10, 11, { kind: 'revoke', revocations: [revocation('old', 4000), revocation('new', 9000)] }),
  );
  t.equal(first.revocations.length, 2);
  const second = apply(first, change(11, 12, { kind: 'revoke', revocations: [revocation('next', 9000)] }));
  t.same(
    second.revocations.map(({ id }) => id),
    ['new', 'next'],
    'what can match nothing any more is forgotten',
  );
  const app = httpApp(9, { name: 'New' });
  const third = apply(second, change(12, 13, { kind: 'app', app: app as never }, { kind: 'app-gone', id: 'db' }));
  t.same(third.apps, [app]);
  const fourth = apply(
    third,
    change(
      13,
      14,
      { kind: 'deny', id: 'device/a' },
      { kind: 'deny', id: 'device/b' },
      { kind: 'undeny', id: 'device/a' },
    ),
  );
  t.same(fourth.denied, ['device/b']);
  const fifth = apply(fourth, change(14, 15, { kind: 'floor', floors: [{ app: 'wiki', epoch: 5 }] }));
  const sixth = apply(fifth, change(15, 16, { kind: 'floor', floors: [{ app: 'wiki', epoch: 4 }] }));
  t.same(sixth.floors, [{ app: 'wiki', epoch: 5 }], 'a floor does not sink');
  t.equal(sixth.n, 16);
  t.equal(JSON.stringify(wire), before);
});

t.test('a snapshot is the whole state', async (t) => {
  const snapshot = {
    t: 'snapshot',
    time: 1,
    ...wire,
    generation: 'gen_00000002',
    n: 2,
    apps: [tcpApp(1)],
  } as unknown as StreamMessage;
  const next = apply(wire, snapshot);
  t.match(next, { generation: 'gen_00000002', n: 2 });
  t.equal(next.apps.length, 1);
});

t.test('the highest of several revocations counts', async (t) => {
  const grant = { ...revocableOf(claims), seen: 12 };
  const make = (seen: number) => ({ kind: 'person', id: 'anna', seen, until: 9000, reason: 'revoked' }) as const;
  t.ok(revocationSet([make(15), make(11)], 5000).match(grant));
  t.ok(revocationSet([make(11), make(15)], 5000).match(grant));
  t.notOk(revocationSet([make(11), make(12)], 5000).match(grant));
  t.notOk(revocationSet([make(15)], 9000).match(grant));
});

t.test('P19 messages that were held back do not make a gateway fresh', async (t) => {
  let now = 1_000_000;
  const time = new ControllerTime({ now: () => now });
  t.match(time.observe(5_000_000), { offset: 4_000_000, freshUntil: 5_015_000 });
  now += 5000;
  t.match(time.observe(5_004_000), { offset: 4_000_000, freshUntil: 5_019_000 }, 'a late one does not set time back');
  now += 20_000;
  t.match(time.observe(5_010_000), { offset: 4_000_000, freshUntil: 5_019_000 }, 'fifteen seconds late: not fresh');
  t.match(time.observe(5_026_000), { offset: 4_001_000, freshUntil: 5_041_000 });
  time.restart();
  now += 3_600_000;
  t.match(time.observe(5_030_000), { offset: 5_030_000 - now, freshUntil: 5_045_000 }, 'a new stream measures anew');
});
