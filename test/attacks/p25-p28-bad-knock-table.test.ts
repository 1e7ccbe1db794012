/**
 * P25, P27, P28: the table of bad knocks, at both doors that take them: the listener for datagrams and the prelude door, each through real
 * sockets. None is answered or leads anywhere, each is counted once under its reason, and none costs more than a look-up of its key and,
 * of what is authentic and in time, a look at its counter.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { hour, second } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { doorTimes, type KnockReason, knockFields, knockLeap } from '#shared/contracts/knock.ts';
import { asPrelude } from '#shared/crypto/encode-knock.ts';
import { knockClientId } from '#shared/crypto/knock-keys.ts';
import { KeyRing } from '#shared/wire/doors/key-ring.ts';
import { KnockCounts } from '#shared/wire/doors/knock-counts.ts';
import { KnockJudge } from '#shared/wire/doors/knock-judge.ts';
import { KnockListener } from '#shared/wire/doors/knock-listener.ts';
import { PreludeDoor } from '#shared/wire/doors/prelude-door.ts';
import { FileReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import { freePort } from '../support/journey-servers.ts';
import { makeKnocker } from '../support/knocks.ts';

const times = doorTimes.gateway;
/** The middle of an epoch, so that a minute before and after have the same key ids. */
const start = Math.floor(Date.now() / times.epochMs) * times.epochMs + times.epochMs / 2;

interface Way {
  /** Bytes that came back, up to now by datagram, as those may come late. */
  send(bytes: Buffer): Promise<number>;
  /** How many came to what is behind the door. */
  opened(): number;
  stop(): Promise<void>;
}
type Judge = ConstructorParameters<typeof PreludeDoor>[0]['judge'];

/** Judged when it resolves, and opened, if it was good. */
async function byDatagram(judge: Judge): Promise<Way> {
  let opened = 0;
  let back = 0;
  let isJudged = () => {};
  const port = await freePort();
  const watched: Judge = {
    async judge(...given) {
      const verdict = await judge.judge(...given);
      setImmediate(isJudged);
      return verdict;
    },
    count: (...given) => judge.count(...given),
  };
  const letIn = async () => {
    opened += 1;
  };
  const listener = new KnockListener({ judge: watched, letIn, ports: [port], hosts: ['127.0.0.1'], log: silentLog });
  await listener.start();
  const sender = createSocket('udp4');
  sender.connect(port, '127.0.0.1');
  await once(sender, 'connect');
  sender.on('message', (bytes) => {
    back += 1 + bytes.length;
  });
  return {
    async send(bytes) {
      const judged = new Promise<void>((resolve) => {
        isJudged = resolve;
      });
      sender.send(bytes);
      await judged;
      return back;
    },
    opened: () => opened,
    async stop() {
      sender.close();
      await listener.stop();
    },
  };
}

async function byPrelude(judge: Judge): Promise<Way> {
  let opened = 0;
  const server = createServer((socket) => {
    opened += 1;
    socket.on('error', () => {}).end();
  });
  const door = new PreludeDoor({ judge });
  door.guard(server, 'mutual');
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    async send(bytes) {
      let back = 0;
      const socket = connect({ port, host: '127.0.0.1' });
      socket
        .on('error', () => {})
        .on('data', (chunk: Buffer) => {
          back += chunk.length;
        });
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await once(socket, 'connect');
      socket.write(asPrelude(bytes));
      await closed;
      return back;
    },
    opened: () => opened,
    async stop() {
      door.stop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function openDoor(t: Test, way: (judge: Judge) => Promise<Way>) {
  const path = join(t.testdir({}), 'knocks');
  const work = { lookedUp: 0, remembered: 0 };
  const ring = new KeyRing(times);
  const find = (...given: Parameters<KeyRing['find']>) => {
    work.lookedUp += 1;
    return ring.find(...given);
  };
  const counts = new KnockCounts({ onSample: () => {} });
  const open = async () => {
    const file = new FileReplayMemory(path, { now: () => start - hour });
    const memory = {
      since: file.since,
      accept: (...given: Parameters<typeof file.accept>) => {
        work.remembered += 1;
        return file.accept(...given);
      },
    };
    const rules = { ring: { find }, times, kinds: ['mutual'] as const, memory, counts };
    return way(new KnockJudge({ ...rules, clock: { now: () => start }, log: silentLog }));
  };
  let current = await open();
  t.teardown(() => current.stop());
  return {
    ring,
    /** What it was counted as, whether it opened, what came back, what was done for it. */
    async try(bytes: Buffer) {
      const [before, opened] = [counts.read(), current.opened()];
      Object.assign(work, { lookedUp: 0, remembered: 0 });
      const back = await current.send(bytes);
      let as: string[] = [];
      // The other end's close may be seen here before the count of what closed it.
      for (let tries = 0; as.length === 0 && tries < 1000; tries += 1) {
        as = Object.entries(counts.read()).flatMap(([what, n]) => Array(n - (before[what] ?? 0)).fill(what));
        if (as.length === 0) await pause(5);
      }
      return { as: as.join(), opened: current.opened() - opened, back, ...work };
    },
    /** Killed and started again on what is on disk. */
    async restart() {
      await current.stop();
      current = await open();
    },
  };
}

const ways = { 'a datagram': byDatagram, 'a prelude': byPrelude };

for (const [wayName, way] of Object.entries(ways)) {
  t.test(`P25, P27, P28: no bad knock is answered, as ${wayName}`, async (t) => {
    const door = await openDoor(t, way);
    const clock = () => start;
    const since = start - hour;
    const mine = makeKnocker(clock, 'gateway/gw-main', { since });
    const other = makeKnocker(clock, 'gateway/gw-main', { since });
    const elsewhere = makeKnocker(clock, 'gateway/gw-other', { since });
    const ended = makeKnocker(clock, 'gateway/gw-main', { since, until: start });
    const revoked = makeKnocker(clock, 'gateway/gw-main', { since });
    for (const one of [mine, other, ended, revoked]) door.ring.put(one.credential);
    door.ring.remove(revoked.credential.id);
    const good = mine.knock({ counter: 1000 });
    t.match(await door.try(good), { as: 'good', opened: 1, back: 0 });

    const flipped = (at: number) => {
      const bytes = mine.knock();
      bytes[at]! ^= 0x80;
      return bytes;
    };
    const changed = Object.entries(knockFields).flatMap(([name, { at, size }]) =>
      [at, at + size - 1].map((place): readonly [string, Buffer, KnockReason] => [
        `on its way: ${name}, byte ${place}`,
        flipped(place),
        name === 'keyId' ? 'unknown-key' : 'bad-mac',
      ]),
    );
    const table: readonly (readonly [string, Buffer, KnockReason])[] = [
      ...changed,
      ['by its holder: another version', mine.forge('version', 2), 'version'],
      ['by its holder: another algorithm', mine.forge('algorithm', 0), 'version'],
      ['by its holder: a time of another epoch than the key id', mine.forge('time', start - hour), 'malformed'],
      ['by its holder: a time past counting', mine.forge('time', Buffer.alloc(8, 0xff)), 'malformed'],
      ['by its holder: another device', mine.forge('client', knockClientId(other.credential.client)), 'wrong-client'],
      ['by its holder: a client that is none', mine.forge('client', Buffer.alloc(32)), 'wrong-client'],
      ['by its holder: no counter', mine.forge('counter', 0), 'malformed'],
      ['by its holder: a counter past counting', mine.forge('counter', Buffer.alloc(8, 0xff)), 'malformed'],
      ['by its holder: a counter that the password is not for', mine.forge('counter', 5_000_000), 'wrong-password'],
      ['by its holder: another source', mine.knock({ source: '192.0.2.8' }), 'wrong-source'],
      ['by its holder: a kind that there is not', mine.forge('kind', 3), 'malformed'],
      ['by its holder: the kind of another server', mine.knock({ kind: 'bootstrap' }), 'wrong-kind'],
      ['by its holder: more apps than have a place', mine.forge('appCount', 9), 'malformed'],
      ['by its holder: an app that is not counted', mine.forge('apps', Buffer.alloc(128, 1)), 'malformed'],
      ['by its holder: another password', mine.forge('password', Buffer.from('00000000')), 'wrong-password'],
      ['by its holder: a password that is none', mine.forge('password', Buffer.alloc(8)), 'wrong-password'],
      ['stale', mine.knock({ time: start - 30 * second - 1 }), 'stale'],
      ['future', mine.knock({ time: start + 30 * second + 1 }), 'future'],
      ['of another hour', mine.knock({ time: start - hour }), 'unknown-key'],
      ['for another door', elsewhere.knock(), 'unknown-key'],
      ['in the name of another device', mine.knock({ client: other.credential.client }), 'wrong-client'],
      ['by a key that has ended', ended.knock(), 'revoked'],
      ['by a key that was taken back', revoked.knock(), 'revoked'],
      ['empty', Buffer.alloc(0), 'length'],
      ['a byte short', mine.knock().subarray(0, 267), 'length'],
      ['a byte long', Buffer.concat([mine.knock(), Buffer.of(0)]), 'length'],
      ['oversized', Buffer.concat([mine.knock(), Buffer.alloc(60_000)]), 'length'],
      ['random', Buffer.from(Array.from({ length: 268 }, (_, at) => (at * 89 + 7) % 256)), 'unknown-key'],
      ['replayed', good, 'replayed'],
      ['a counter below the last', mine.knock({ counter: 999 }), 'replayed'],
    ];
    for (const [name, bytes, reason] of table) {
      const isLookedUp = reason !== 'length';
      t.same(
        await door.try(bytes),
        {
          as: reason,
          opened: 0,
          back: 0,
          lookedUp: isLookedUp ? 1 : 0,
          remembered: reason === 'replayed' ? 1 : 0,
        },
        `${name}: ${reason}`,
      );
    }
    await door.restart();
    t.match(await door.try(good), { as: 'replayed', opened: 0, back: 0 }, 'replayed after a restart');
    const next = mine.knock({ counter: 1001 + knockLeap });
    t.match(await door.try(next), { as: 'good', opened: 1, back: 0 }, 'and a good one is good');
  });
}
