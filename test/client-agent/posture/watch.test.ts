import t from 'tap';
import { type Posture, watchPosture } from '../../../client-agent/posture/watch.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { type FakeWorld, fakeHost, recorded } from './fake-host.ts';

const value = (posture: Posture, name: string) => posture.facts.find(({ fact }) => fact === name)?.value;

t.test('a change of a quick fact is told at the next look; slow facts wait for a full round', async (t) => {
  const open = recorded('linux/nft-empty.json');
  const world: FakeWorld = { runs: { 'nft -j list ruleset': open }, now: 1_000_000_000_000 };
  const host = fakeHost(world);
  const looks: [Posture, boolean][] = [];
  let wake: () => void = () => undefined;
  const watch = watchPosture({
    host,
    log: silentLog,
    checks: () => [{ id: 'c', title: 'C', kind: 'file-exists', path: '/x' }],
    quickMs: 1,
    fullMs: 3_600_000,
    onLook: (posture, changed) => {
      looks.push([posture, changed]);
      wake();
    },
  });
  const nextLook = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  await nextLook();
  t.equal(looks[0]![1], true, 'the first look is a change');
  t.equal(value(looks[0]![0], 'firewallOn'), false);
  t.same(
    looks[0]![0].checks.map(({ id, status }) => [id, status]),
    [['c', 'fail']],
  );
  await nextLook();
  t.equal(looks.at(-1)![1], false, 'nothing changed');
  world.runs = { 'nft -j list ruleset': recorded('linux/nft-drop-policy.json') };
  await nextLook();
  while (!looks.at(-1)![1]) await nextLook();
  t.equal(value(looks.at(-1)![0], 'firewallOn'), true);
  t.equal(looks.at(-1)![0].facts.length, looks[0]![0].facts.length, 'the slow facts are still there');
  const patch = (posture: Posture) => posture.facts.find(({ fact }) => fact === 'patchAgeDays')?.measuredAt;
  world.now! += 60_000;
  await nextLook();
  await nextLook();
  t.equal(patch(looks.at(-1)![0]), 1_000_000_000_000, 'a slow fact keeps the time of its measurement');
  t.equal(patch(await watch.lookNow()), 1_000_000_060_000, 'asked for, everything is measured');
  await watch.stop();
  const count = looks.length;
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(looks.length, count);
  t.ok(watch.last());
});

t.test('a look whose telling fails is logged, and the next one comes', async (t) => {
  const done = Promise.withResolvers<void>();
  let looks = 0;
  const watch = watchPosture({
    host: fakeHost({}),
    log: silentLog,
    checks: () => [],
    quickMs: 1,
    fullMs: 1000,
    onLook: (_posture, changed) => {
      looks += 1;
      t.equal(changed, looks <= 2, 'a change that could not be told is told again');
      if (looks === 1) throw new Error('the controller is away');
      if (looks === 2) done.resolve();
    },
  });
  await done.promise;
  await watch.stop();
  t.ok(looks >= 2);
});
