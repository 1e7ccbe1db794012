import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { LifeRecords } from '../../../controller/log/life-records.ts';
import { openStore } from '../../../controller/store/open-store.ts';
import { storedRecords } from '../../support/stored-records.ts';
import { runController } from '../support/run-controller.ts';

async function open(t: Parameters<typeof runController>[0]) {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  const world = { now: 1000, short: false };
  const { db } = store;
  const start = async () => {
    const life = new LifeRecords({ db, clock: { now: () => world.now }, log: silentLog, isShort: () => world.short });
    await life.begin();
    return life;
  };
  const told = async () =>
    (await storedRecords(db)).map(({ time, kind, event, details }) => [time, kind, event, details]);
  return {
    world,
    start,
    told,
    job: (life: LifeRecords, name: string) => life.jobs(() => ({})).find((one) => one.name === name)!,
  };
}

t.test('starts and ends are on record; one that was not orderly is told at the next start', async (t) => {
  const { world, start, told, job } = await open(t);
  const first = await start();
  world.now = 2000;
  await first.stop();
  world.now = 3000;
  const second = await start();
  world.now = 63_000;
  await job(second, 'seen running').run(world.now);
  world.now = 90_000; // killed
  await start();
  t.same(await told(), [
    [1000, 'controller', 'started', undefined],
    [2000, 'controller', 'stopped', { startedAt: 1000 }],
    [3000, 'controller', 'started', undefined],
    [90_000, 'controller', 'ended-unclean', { startedAt: 3000, seenAt: 63_000 }],
    [90_000, 'controller', 'started', undefined],
  ]);
});

t.test('P24 what could not be written is told once it can be, from when to when', async (t) => {
  const { world, start, told } = await open(t);
  const life = await start();
  await life.tellPause(1500);
  world.now = 2000;
  life.failed('disk-failed');
  world.now = 2500;
  life.failed('disk-full');
  await life.tellPause(3000);
  world.short = true;
  world.now = 4000;
  await life.tellPause(4000);
  await life.tellPause(5000);
  world.short = false;
  await life.tellPause(6000);
  await life.tellPause(7000);
  t.same((await told()).slice(1), [
    [3000, 'log', 'paused', { from: 2000, to: 3000, why: 'disk-failed' }],
    [6000, 'log', 'paused', { from: 4000, to: 6000, why: 'the disk was short: only owners were served' }],
  ]);
});

t.test('P25 knocks are told by outcome where somebody was refused', async (t) => {
  const { start, told } = await open(t);
  const life = await start();
  await life.tellKnocks(1, { good: 5 });
  await life.tellKnocks(2, { good: 6, replayed: 2 });
  await life.tellKnocks(3, { good: 9, replayed: 2 });
  await life.tellKnocks(4, { good: 1, replayed: 1 });
  t.same((await told()).slice(1), [
    [2, 'controller', 'knocks', { good: 1, replayed: 2 }],
    [4, 'controller', 'knocks', { good: 1, replayed: 1 }],
  ]);
});

t.test('a controller tells its start', async (t) => {
  const { store } = await runController(t);
  const records = await storedRecords(store.db);
  t.match(records[0], { event: 'initialised', actor: 'shell' }, 'as everything that was done at the shell');
  const told = records.map(({ kind, event }) => `${kind} ${event}`);
  t.same(
    told.filter((one) => one.startsWith('controller')),
    ['controller initialised', 'controller started'],
  );
});
