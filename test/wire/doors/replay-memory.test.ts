/** P25: the one durable integer of a key. It never goes back: not by a crash, not by a torn file, not by a full disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { day, minute } from '#shared/base/clock.ts';
import { knockLeap, knockReserve } from '#shared/contracts/knock.ts';
import { noteAcceptedUntil } from '#shared/wire/doors/accepted-until.ts';
import { FileReplayMemory } from '#shared/wire/doors/replay-memory.ts';

const fileOf = (t: Test) => join(t.testdir(), 'knocks');
/** As if the process were gone: nobody calls stop. */
const again = (path: string, now = 2000) => new FileReplayMemory(path, { now: () => now });

t.test('P25: only what is above everything before', async (t) => {
  const memory = new FileReplayMemory(fileOf(t), { now: () => 1000 });
  t.equal(await memory.accept('a', 5), true);
  for (const counter of [5, 4, 1, 0, -1]) t.equal(await memory.accept('a', counter), false, String(counter));
  t.equal(await memory.accept('b', 5), true, 'of another key');
  t.equal(await memory.accept('a', 5000), true, 'after any number of lost ones');
  t.same(await Promise.all([memory.accept('a', 5001), memory.accept('a', 5001)]), [true, false], 'at once');
  await memory.stop();
});

t.test('P25: after a crash nothing that was accepted is good again, and a leap is', async (t) => {
  const path = fileOf(t);
  const memory = new FileReplayMemory(path, { now: () => 1000 });
  for (let counter = 1; counter <= 50; counter += 1) await memory.accept('a', counter);
  const after = again(path);
  t.equal(after.since, 1000, 'it is the same memory');
  for (let counter = 1; counter <= 50; counter += 1) t.equal(await after.accept('a', counter), false);
  t.equal(await after.accept('a', 50 + knockLeap), true);
  t.ok(knockLeap > knockReserve);
});

t.test(
  'P25: a memory that begins while a clock is far ahead, or behind, asks for no more than the last one has taken',
  async (t) => {
    const path = fileOf(t);
    const time = { now: 1_000_000 };
    const clock = { now: () => time.now };
    const lost = () => {
      writeFileSync(path, '');
      return new FileReplayMemory(path, clock);
    };
    const first = new FileReplayMemory(path, clock);
    await first.accept('a', 1);
    time.now += 10_000;
    await first.accept('a', 2);
    await first.stop();
    time.now += 365 * day;
    t.equal(lost().since, 1_010_000, 'the clock is far ahead');
    time.now = 5;
    t.equal(lost().since, 1_010_000, 'and behind');
    time.now = 1_020_000;
    await lost().accept('a', 3);
    t.equal(lost().since, 1_020_000 + minute, 'killed: a minute more than it has taken');
    time.now += 365 * day;
    const ahead = lost();
    await ahead.accept('a', 4);
    await ahead.stop();
    const far = time.now;
    time.now = 1_030_000;
    const again = lost();
    t.equal(again.since, far, 'one that has taken knocks of the future, and lost them, trusts none before that');
    await again.accept('a', 5);
    await again.stop();
    t.equal(lost().since, far, 'whoever was in between');
    writeFileSync(`${path}.until`, '00000000 12\n');
    t.equal(lost().since, 1_030_000, 'what is damaged tells nothing');
  },
);

t.test('P25: what a former instance may have taken is good at no other', async (t) => {
  const path = fileOf(t);
  noteAcceptedUntil(path, 7000.5);
  t.equal(again(path, 900_000).since, 7000);
});

t.test('P25: after an orderly stop the next counter is good', async (t) => {
  const path = fileOf(t);
  const memory = new FileReplayMemory(path, { now: () => 1000 });
  await memory.accept('a', 7);
  await memory.stop();
  await t.rejects(memory.accept('a', 8), { code: 'unavailable' });
  const after = again(path);
  t.equal(await after.accept('a', 7), false);
  t.equal(await after.accept('a', 8), true);
});

t.test('P25: most good knocks wait for no disk', async (t) => {
  const path = fileOf(t);
  const memory = new FileReplayMemory(path, { now: () => 1000 });
  await memory.accept('a', 1);
  const { size } = statSync(path);
  for (let counter = 2; counter <= 1 + knockReserve; counter += 1) await memory.accept('a', counter);
  t.equal(statSync(path).size, size);
  await memory.accept('a', 2 + knockReserve);
  t.ok(statSync(path).size > size);
  await memory.stop();
});

t.test('P25: a torn end is a knock that was never accepted; a torn middle makes the memory begin anew', async (t) => {
  const path = fileOf(t);
  const memory = new FileReplayMemory(path, { now: () => 1000 });
  await memory.accept('a', 1);
  await memory.accept('b', 1);
  appendFileSync(path, 'deadbeef a 99');
  t.equal(again(path).since, 1000, 'torn end');
  const whole = readFileSync(path, 'utf8');
  writeFileSync(path, whole.replace(/ a \d+/, ' a 0'));
  const spoilt = again(path, 3000);
  t.equal(spoilt.since, 61_000, 'knocks of older keys from before are refused by their time');
  t.equal(await spoilt.accept('b', 1), false, 'what can be read still counts');
  writeFileSync(path, '');
  t.equal(again(path, 4000).since, 61_000, 'an empty file');
  t.equal(again(fileOf(t), 4000).since, 4000, 'of which nothing is known');
});

t.test('P25: what cannot be kept is not accepted, now or later', { skip: process.platform !== 'linux' }, async (t) => {
  const stolen = lowestFree();
  const memory = new FileReplayMemory(fileOf(t), { now: () => 1000 });
  swapDescriptor(stolen);
  await t.rejects(memory.accept('a', 1), { code: 'disk-failed' });
  t.equal(await memory.accept('a', 1), false, 'the same one again');
});

function lowestFree(): number {
  const fd = openSync('/dev/null', 'r');
  closeSync(fd);
  return fd;
}

/** Closes a descriptor under its owner and puts one that takes nothing in its place. */
function swapDescriptor(fd: number): void {
  closeSync(fd);
  const taken = openSync('/dev/full', 'w');
  if (taken !== fd) throw new Error(`descriptor ${taken} in place of ${fd}`);
}

t.test('P25: for any order of knocks, crashes and orderly stops a counter is accepted once', async (t) => {
  const path = fileOf(t);
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ key: fc.constantFrom('a', 'b'), counter: fc.integer({ min: 1, max: 200 }) }) },
    { weight: 1, arbitrary: fc.constantFrom('crash' as const, 'stop' as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      writeFileSync(path, '');
      let memory = again(path);
      const highest = new Map<string, number>();
      for (const one of steps) {
        if (typeof one === 'string') {
          if (one === 'stop') await memory.stop();
          memory = again(path);
          continue;
        }
        const before = highest.get(one.key) ?? 0;
        const good = await memory.accept(one.key, one.counter);
        if (good && one.counter <= before) return false;
        if (good) highest.set(one.key, one.counter);
        if (!good && one.counter > before + knockReserve) return false;
      }
      await memory.stop();
      return true;
    }),
    { numRuns: 30 },
  );
  t.pass('held');
});

t.test('P25: a process killed in the middle of a hundred thousand knocks has kept each that it told of', async (t) => {
  const path = fileOf(t);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'replay-memory-child.ts'), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told = new Map<string, number>();
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [key = '', counter] = line.split(' ');
    told.set(key, Math.max(told.get(key) ?? 0, Number(counter)));
    lines += 1;
    if (lines === 2000) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  t.equal(child.signalCode, 'SIGKILL');
  const memory = again(path);
  t.equal(memory.since, 1000);
  for (const [key, counter] of told) t.equal(await memory.accept(key, counter), false, `${key} ${counter}`);
  for (const [key, counter] of told) t.equal(await memory.accept(key, counter + 1000 * knockLeap), true);
  await memory.stop();
});
