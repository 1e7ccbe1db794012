/** P25: the bad knocks, each refused with its reason; and the good ones that must not be mistaken for them. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { hour, minute, second } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import {
  controllerDoor,
  type DoorKind,
  doorTimes,
  epochOf,
  type KnockReason,
  knockLeap,
} from '#shared/contracts/knock.ts';
import { encodeKnock } from '#shared/crypto/encode-knock.ts';
import { openKnockKey } from '#shared/crypto/knock-keys.ts';
import type { KnockRules } from '#shared/wire/doors/judge-knock.ts';
import { KeyRing } from '#shared/wire/doors/key-ring.ts';
import { KnockCounts, type RefusalSample } from '#shared/wire/doors/knock-counts.ts';
import { KnockJudge } from '#shared/wire/doors/knock-judge.ts';
import { FileReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import { makeKnocker } from '../support/knocks.ts';

/** Away from the borders of all epochs. */
const start = 1_764_086_400_000 + 5 * minute;
const from = '192.0.2.7';
let opened = 0;

function openDoor(t: Test, kind: DoorKind = 'gateway', now = start) {
  opened += 1;
  const path = join(t.testdir({}), `knocks-${opened}`);
  const time = { now };
  const clock = { now: () => time.now };
  const ring = new KeyRing(doorTimes[kind]);
  const samples: RefusalSample[] = [];
  const counts = new KnockCounts({ onSample: (sample) => samples.push(sample) });
  const memory = new FileReplayMemory(path, clock);
  const make = (memory: FileReplayMemory) =>
    new KnockJudge({ ring, times: doorTimes[kind], kinds: ['mutual'], memory, counts, clock, log: silentLog });
  let judge = make(memory);
  return {
    path,
    time,
    ring,
    counts,
    samples,
    /** The process is killed and started again. */
    restart() {
      judge = make(new FileReplayMemory(path, clock));
    },
    async try(bytes: Buffer, source: KnockRules['source'] = 'observed', observed = from) {
      const verdict = await judge.judge(bytes, observed, source);
      return verdict.ok ? 'good' : verdict.reason;
    },
  };
}

t.test('P25: each bad knock is refused with its reason and counted by it', async (t) => {
  const door = openDoor(t);
  const clock = () => door.time.now;
  const mine = makeKnocker(clock);
  const other = makeKnocker(clock);
  const elsewhere = makeKnocker(clock, 'gateway/gw-other');
  const bootstrap = makeKnocker(clock, 'gateway/gw-main', { kinds: ['bootstrap'] });
  const ended = makeKnocker(clock, 'gateway/gw-main', { until: start });
  for (const one of [mine, other, bootstrap, ended]) door.ring.put(one.credential);
  const good = mine.knock();
  t.equal(await door.try(good), 'good');

  const flipped = (at: number) => {
    const bytes = mine.knock();
    bytes[at]! ^= 1;
    return bytes;
  };
  const table: readonly (readonly [string, Buffer, KnockReason])[] = [
    ['replayed', good, 'replayed'],
    ['an older counter', mine.knock({ counter: 1 }), 'replayed'],
    ['truncated', mine.knock({ counter: 10 }).subarray(0, 267), 'length'],
    ['oversized', Buffer.concat([mine.knock(), Buffer.alloc(300)]), 'length'],
    ['empty', Buffer.alloc(0), 'length'],
    ['random', Buffer.alloc(268, 0x5a), 'unknown-key'],
    ['another key id', flipped(3), 'unknown-key'],
    ['another time', flipped(41), 'bad-mac'],
    ['another client', flipped(50), 'bad-mac'],
    ['another HMAC', flipped(267), 'bad-mac'],
    ['for another door', elsewhere.knock(), 'unknown-key'],
    ['in the name of another device', mine.knock({ client: other.credential.client }), 'wrong-client'],
    ['for the bootstrap server, by a key for the other', mine.knock({ kind: 'bootstrap' }), 'wrong-kind'],
    ['for a server that is not behind this door', bootstrap.knock(), 'wrong-kind'],
    ['stale by a millisecond', mine.knock({ time: start - 30 * second - 1 }), 'stale'],
    ['ahead by a millisecond', mine.knock({ time: start + 30 * second + 1 }), 'future'],
    ['of last hour', mine.knock({ time: start - hour }), 'unknown-key'],
    ['another source than the observed', mine.knock({ source: '192.0.2.8' }), 'wrong-source'],
    ['by a key that has ended', ended.knock(), 'revoked'],
  ];
  for (const [name, bytes, reason] of table) t.equal(await door.try(bytes), reason, name);

  // Under the id of the epoch after the one that its time lies in.
  const epochMs = start / (epochOf(start, doorTimes.gateway) + 1.5);
  const { client, secret } = mine.credential;
  const skewed = { client, time: start, counter: 500, kind: 'mutual' } as const;
  const ofAnotherEpoch = encodeKnock(openKnockKey(secret), { epochMs, toleranceMs: 0 }, skewed);
  t.equal(await door.try(ofAnotherEpoch), 'malformed', 'the key id of another epoch');

  t.equal(await door.try(mine.knock(), 'must-state'), 'wrong-source', 'no source where one is wanted');
  t.equal(await door.try(mine.knock({ source: '192.0.2.8' }), 'must-state'), 'good', 'it says whom to let in');
  t.equal(await door.try(mine.knock({ source: from })), 'good', 'the observed source, told');
  t.equal(await door.try(mine.knock({ source: from }), 'observed', `::ffff:${from}`), 'good', 'in another spelling');
  door.ring.remove(mine.credential.id);
  t.equal(await door.try(mine.knock()), 'revoked', 'a key that was taken back');
  door.ring.put(mine.credential);
  t.equal(await door.try(mine.knock()), 'good', 'and one that is back');

  const counts = door.counts.read();
  t.match(counts, { good: 5, 'unknown-key': 4, 'bad-mac': 3, length: 3, replayed: 2, revoked: 2, stale: 1, future: 1 });
  t.ok(door.samples.some(({ reason, client }) => reason === 'wrong-client' && client === mine.credential.client));
  t.ok(
    door.samples.every(({ reason, client }) => client === undefined || !['unknown-key', 'bad-mac'].includes(reason)),
  );
});

t.test('P25: each time good at a gateway is good, whatever epoch it lies in', async (t) => {
  const door = openDoor(t);
  const mine = makeKnocker(() => door.time.now);
  door.ring.put(mine.credential);
  // All along two borders of epochs, forwards and with the door's clock set back in between.
  for (const at of [0, 10 * minute - 1, 10 * minute, 10 * minute + second, 20 * minute, 19 * minute, 3 * hour]) {
    for (const off of [-30 * second, -1, 0, 1, 30 * second]) {
      door.time.now = start + at;
      t.equal(await door.try(mine.knock({ time: start + at + off })), 'good', `${at} ${off}`);
    }
  }
});

t.test('P25: a clock wrong by hours still comes to the controller, and its knock only once', async (t) => {
  const door = openDoor(t, 'controller');
  const mine = makeKnocker(() => door.time.now, controllerDoor);
  door.ring.put(mine.credential);
  for (const off of [2 * hour, -2 * hour, 24 * hour, -24 * hour]) {
    const bytes = mine.knock({ time: start + off });
    t.equal(await door.try(bytes), 'good', `${off / hour} h`);
    t.equal(await door.try(bytes), 'replayed', 'again');
  }
  t.equal(await door.try(mine.knock({ time: start - 24 * hour - 1 })), 'stale');
  t.equal(await door.try(mine.knock({ time: start + 24 * hour + 1 })), 'future');
  const last = mine.knock();
  t.equal(await door.try(last), 'good');
  door.time.now += 23 * hour;
  door.restart();
  t.equal(await door.try(last), 'replayed', 'a day later, after a restart');
});

t.test('P25: a thousand lost knocks, then one good one opens; after a restart too', async (t) => {
  const door = openDoor(t);
  const mine = makeKnocker(() => door.time.now);
  door.ring.put(mine.credential);
  for (let lost = 0; lost < 1000; lost += 1) mine.knock();
  const good = mine.knock();
  t.equal(await door.try(good), 'good');
  door.restart();
  t.equal(await door.try(good), 'replayed', 'the memory is on disk');
  t.equal(await door.try(mine.knock()), 'replayed', 'what was kept ahead is lost with a crash');
  t.equal(await door.try(mine.knock({ counter: 1001 + knockLeap })), 'good', 'and a leap is good');
});

t.test('P25: a memory that is gone lets no old knock in again', async (t) => {
  const door = openDoor(t, 'controller');
  const mine = makeKnocker(() => door.time.now, controllerDoor, { since: start - hour });
  door.ring.put(mine.credential);
  const used = mine.knock();
  t.equal(await door.try(used), 'good');
  const anew = openDoor(t, 'controller', start + minute);
  anew.ring.put(mine.credential);
  t.equal(await anew.try(used), 'stale');
  t.equal(await anew.try(mine.knock({ time: start + minute })), 'good');
  const young = makeKnocker(() => start - hour, controllerDoor, { since: start + 2 * minute });
  anew.ring.put(young.credential);
  t.equal(await anew.try(young.knock()), 'stale', 'of a key that a wrong clock dates into the future');
  anew.time.now += 2 * minute;
  t.equal(await anew.try(young.knock()), 'good', 'of a key that is younger than the memory, whatever its clock says');
});

t.test('P25 P27: a flood of bad knocks is a number for each, and some words', async (t) => {
  const door = openDoor(t);
  const mine = makeKnocker(() => door.time.now);
  door.ring.put(mine.credential);
  for (let n = 0; n < 5000; n += 1) await door.try(Buffer.alloc(268, n), 'observed', `198.51.${n % 200}.1`);
  t.equal(door.counts.read()['unknown-key'], 5000);
  t.equal(door.samples.length, 200, 'one for each source');
  t.equal(await door.try(mine.knock()), 'good');
  door.time.now += minute;
  await door.try(Buffer.alloc(268), 'observed', '198.51.0.1');
  t.equal(door.samples.at(-1)?.count, 25, 'those since the last telling, which is told');
});

t.test(
  'P27: a flood from more sources than can be told says no more, and a holder of a key is told all the same',
  async (t) => {
    const door = openDoor(t);
    const mine = makeKnocker(() => door.time.now);
    door.ring.put(mine.credential);
    for (let n = 0; n < 20_000; n += 1)
      await door.try(Buffer.alloc(268, n), 'observed', `10.78.${(n >> 8) & 31}.${n & 255}`);
    t.equal(door.counts.read()['unknown-key'], 20_000);
    t.equal(door.samples.length, 250);
    await door.try(mine.knock({ time: start - 31 * second }));
    t.match(door.samples.at(-1), { reason: 'stale', client: mine.credential.client });
    door.time.now += minute;
    await door.try(Buffer.alloc(268), 'observed', '192.0.2.99');
    t.match(door.samples.at(-1), { reason: 'unknown-key', source: '192.0.2.99' }, 'a minute later');
  },
);

t.test('P26: keys that went are known for a while, and bounded', async (t) => {
  const door = openDoor(t);
  const knockers = Array.from({ length: 1100 }, () => makeKnocker(() => door.time.now));
  for (const { credential } of knockers) door.ring.put(credential);
  t.equal(door.ring.size, 1100);
  door.ring.keepOnly([knockers.at(-1)!.credential]);
  t.equal(door.ring.size, 1);
  t.equal(await door.try(knockers[0]!.knock()), 'unknown-key', 'the oldest that went');
  t.equal(await door.try(knockers[1000]!.knock()), 'revoked');
  t.equal(await door.try(knockers.at(-1)!.knock()), 'good');
});
