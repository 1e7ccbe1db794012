/** What the agent does by itself while the controller is not reached. No time passes here. */
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { DoctorLeg } from '../../../client-agent/diagnosis/legs.ts';
import { WayWatch } from '../../../client-agent/diagnosis/watch-way.ts';

function rig(leg: DoctorLeg) {
  const world = { reached: false, leg, looks: 0, attempts: 0, changes: 0, back: 0, pauses: [] as number[] };
  let onPause: (() => void) | undefined;
  const watch = new WayWatch({
    diagnose: async () => {
      world.looks += 1;
      return { findings: [], trouble: { leg: world.leg, says: `it is ${world.leg}` } };
    },
    attempt: async () => {
      world.attempts += 1;
    },
    isReached: () => world.reached,
    onChange: () => {
      world.changes += 1;
    },
    onBack: () => {
      world.back += 1;
    },
    log: silentLog,
    random: () => 1,
    pause: (ms, signal) =>
      new Promise((resolve) => {
        world.pauses.push(ms);
        onPause = resolve;
        signal.addEventListener('abort', () => resolve());
      }),
  });
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  };
  const next = async () => {
    onPause?.();
    await settle();
  };
  return { world, watch, settle, next };
}

t.test('behind a captive portal it tries each second, names it, and goes on by itself once it is out', async (t) => {
  const { world, watch, settle, next } = rig('captive-portal');
  watch.note();
  watch.note();
  await settle();
  t.match(world, { looks: 1, changes: 1, pauses: [1000] });
  t.match(watch.trouble, { leg: 'captive-portal' });
  for (let pause = 0; pause < 5; pause += 1) await next();
  t.match(world, { attempts: 5, looks: 2, changes: 1 });
  t.ok(world.pauses.every((ms) => ms === 1000));
  world.reached = true;
  await next();
  t.match(world, { back: 1, changes: 2 });
  t.equal(watch.trouble, undefined);
  await watch.stop();
});

t.test('a controller that is silent is asked with growing pauses, each time by a whole look', async (t) => {
  const { world, watch, settle, next } = rig('port');
  watch.note();
  await settle();
  for (let pause = 0; pause < 8; pause += 1) await next();
  t.strictSame(world.pauses, [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
  t.match(world, { attempts: 0, looks: 9 });
  await watch.stop();
});

t.test('another leg is told when it becomes another', async (t) => {
  const { world, watch, settle, next } = rig('network');
  watch.note();
  await settle();
  world.leg = 'captive-portal';
  for (let pause = 0; pause < 5; pause += 1) await next();
  t.equal(watch.trouble?.leg, 'captive-portal');
  t.equal(world.changes, 2);
  await watch.stop();
});

t.test('it ends with the agent, in a pause as in a look', async (t) => {
  const { world, watch, settle } = rig('network');
  watch.note();
  await settle();
  await watch.stop();
  t.equal(world.back, 0);
  watch.note();
  await settle();
  t.equal(world.looks, 1);
});

t.test('lost again while it goes on: watched again', async (t) => {
  const { world, watch, settle, next } = rig('network');
  watch.note();
  await settle();
  world.reached = true;
  const lost = new Promise<void>((resolve) => {
    const real = world.back;
    void (async () => {
      while (world.back === real) await new Promise(setImmediate);
      resolve();
    })();
  });
  await next();
  await lost;
  world.reached = false;
  watch.note();
  await settle();
  t.equal(watch.trouble?.leg, 'network');
  await watch.stop();
});
