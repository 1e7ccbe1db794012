/** P24: what an administrator does to ages, floor or clock while something is pruned, or to have it pruned, takes nothing that has to stay. */
import t, { type Test } from 'tap';
import { day, hour } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { appendRecord } from '../../controller/log/append-record.ts';
import { Pruner } from '../../controller/log/retention/pruner.ts';
import { setAge } from '../../controller/log/retention/retention-ages.ts';
import { openStore, type Store } from '../../controller/store/open-store.ts';
import { startController } from '../../controller/wiring.ts';
import { runController, testConfig } from '../controller/support/run-controller.ts';
import { storedRecords } from '../support/stored-records.ts';

const start = 1000 * day;

/** A log with so many records that are 170 days old, ages of 100 days, and prunings that take one stretch at each look. */
async function world(t: Test, count: number) {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  for (let n = 0; n < count; n += 1)
    await appendRecord(store.db, start - 170 * day, { kind: 'controller', event: 'started' });
  await age(store, 100);
  const clock = { at: start };
  const open = (floor = day, workMs = 0) =>
    new Pruner({ store, clock: { now: () => clock.at }, log: silentLog, floor, workMs });
  return { store, clock, open };
}

const age = (store: Store, days: number | null) =>
  store.db
    .transaction()
    .execute((trx) => setAge(trx, start, { kind: 'default', age: days === null ? null : days * day, floor: day }));

const left = async (store: Store) => (await storedRecords(store.db)).filter(({ kind }) => kind !== 'log').length;

async function toItsEnd(store: Store, pruner: Pruner) {
  for (let looks = 0; looks < 50; looks += 1) await pruner.look(start);
  return (await storedRecords(store.db)).filter(({ event }) => event === 'pruned').at(-1);
}

for (const [name, days] of [
  ['raised', 300],
  ['taken away: all stay for ever', null],
] as const)
  t.test(`P24 a pruning that is under way when ages are ${name} takes no more`, async (t) => {
    const { store, open } = await world(t, 1000);
    const pruner = open();
    await pruner.look(start);
    t.equal(await left(store), 800);
    await age(store, days);
    pruner.wake();
    t.match(await toItsEnd(store, pruner), { details: { removed: 200 } });
    t.equal(await left(store), 800);
  });

t.test('P24 a floor that was raised by a profile holds for what was begun before', async (t) => {
  const { store, open } = await world(t, 1000);
  const before = open();
  await before.look(start);
  await before.stop();
  t.match(await toItsEnd(store, open(180 * day)), { details: { removed: 200 } });
  t.equal(await left(store), 800);
});

t.test('P24 the same of a pruning by order that was cut short', async (t) => {
  const { store, open } = await world(t, 1000);
  const before = open();
  const ordered = before.prune(start - 100 * day, {});
  await before.stop();
  await ordered;
  const was = await left(store);
  t.ok(was > 0);
  await toItsEnd(store, open(180 * day));
  t.equal(await left(store), was);
});

t.test('P24 a clock that was set ahead lets no order take what the floor keeps', async (t) => {
  const { store, clock, open } = await world(t, 10);
  await age(store, null);
  await open(180 * day).look(start);
  clock.at = start + 100 * day;
  const pruner = open(180 * day);
  await t.rejects(pruner.prune(clock.at - 180 * day, {}), { code: 'conflict', tell: /^The clock leapt/ });
  clock.at += 23 * hour;
  await t.rejects(pruner.prune(clock.at - 180 * day, {}), { code: 'conflict' }, 'for a day');
  t.equal(await left(store), 10);
  clock.at = start + hour;
  await t.rejects(pruner.prune(start - 190 * day, {}), { code: 'conflict' }, 'set right again, it leapt once more');
  clock.at = start + 26 * hour;
  t.match(await pruner.prune(start - 190 * day, {}), { removed: 0 });
});

t.test('P24 a floor that is lowered in the configuration is on record for good', async (t) => {
  const controller = await runController(t, { 'retention.profile': 'mlps3' });
  const { dir, clock, store } = controller;
  const again = async (more: Record<string, unknown>) => {
    const running = await startController(testConfig(dir, more), { clock, log: silentLog, env: {} });
    t.teardown(() => running.stop());
    return running;
  };
  const told = async () => (await storedRecords(store.db)).filter(({ event }) => event === 'floor-set');
  await controller.stop();
  await (await again({ 'retention.profile': 'mlps3' })).stop();
  t.same(await told(), []);
  await (await again({})).stop();
  t.match(await told(), [{ kind: 'log', details: { before: 180 * day, after: day } }]);
  await again({ 'retention.floorDays': 1 });
  t.equal((await told()).length, 1);
});
