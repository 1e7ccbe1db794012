/** P27: neither one device with many source addresses nor years of sessions fill a door. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { hour, minute, systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { doorTimes } from '#shared/contracts/knock.ts';
import { GoneCounters } from '#shared/wire/doors/gone-counters.ts';
import { KeyRing } from '#shared/wire/doors/key-ring.ts';
import { KnockCounts } from '#shared/wire/doors/knock-counts.ts';
import { KnockJudge } from '#shared/wire/doors/knock-judge.ts';
import { KnockListener } from '#shared/wire/doors/knock-listener.ts';
import { FileReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import { maxSourcesOfKey, SourcesOfKey } from '#shared/wire/doors/sources-of-key.ts';
import { makeKnocker } from '../support/knocks.ts';

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

const linux = { skip: process.platform === 'linux' ? false : 'needs all of 127.0.0.0/8' };

t.test('P27: one key opens for so many sources and no more, another key is not touched', linux, async (t) => {
  const ring = new KeyRing(doorTimes.gateway);
  const counts = new KnockCounts({ onSample: () => {} });
  const memory = new FileReplayMemory(join(t.testdir({}), 'knocks'), { now: () => Date.now() - hour });
  const rules = { ring, times: doorTimes.gateway, kinds: ['mutual'] as const };
  const judge = new KnockJudge({ ...rules, memory, counts, clock: systemClock, log: silentLog });
  const [greedy, other] = [makeKnocker(Date.now), makeKnocker(Date.now)];
  for (const { credential } of [greedy, other]) ring.put(credential);
  const opened: string[] = [];
  const port = await freePort();
  const letIn = async (source: string) => void opened.push(source);
  const listener = new KnockListener({ judge, letIn, ports: [port], hosts: ['127.0.0.1'], log: silentLog });
  await listener.start();
  t.teardown(() => listener.stop());

  let sent = 0;
  const send = async (from: string, knock: Buffer) => {
    const socket = createSocket('udp4').bind(0, from);
    await once(socket, 'listening');
    socket.send(knock, port, '127.0.0.1', () => socket.close());
    await once(socket, 'close');
    sent += 1;
    for (let tries = 0; counts.read()['good'] !== sent; tries += 1) {
      if (tries === 1000) throw new Error('a good knock was not judged');
      await wait(5);
    }
  };
  for (let host = 1; host <= maxSourcesOfKey + 20; host += 1) await send(`127.0.1.${host}`, greedy.knock());
  await send('127.0.1.1', greedy.knock());
  await send('127.0.2.1', other.knock());
  t.equal(new Set(opened).size, maxSourcesOfKey + 1);
  t.notOk(opened.includes(`127.0.1.${maxSourcesOfKey + 1}`));
  t.equal(opened.filter((source) => source === '127.0.1.1').length, 2, 'a source that is in may knock again');
  t.equal(opened.at(-1), '127.0.2.1', 'and who else has a key comes in');
});

t.test('P27: the bound on a key ends with its window', async (t) => {
  const time = { now: 0 };
  const sources = new SourcesOfKey({ now: () => time.now });
  const said = Array.from({ length: maxSourcesOfKey + 3 }, (_, at) => sources.take('key', `192.0.2.${at}`));
  t.same(said.slice(-4), ['in', 'full', 'still-full', 'still-full']);
  time.now = 30_000;
  t.equal(sources.take('key', '192.0.2.200'), 'in');
});

t.test('P25 P27: counters of sessions that are over go, and never one that could open again', async (t) => {
  const path = join(t.testdir({}), 'knocks');
  const memory = new FileReplayMemory(path, { now: () => 0 });
  const time = { now: 0 };
  const gone = new GoneCounters(memory, hour, { now: () => time.now });
  for (let day = 1; day <= 1000; day += 1) await memory.accept(`session-${day}`, 7);
  await memory.accept('back', 7);
  gone.look(() => ['lives', 'session-1000']);
  time.now += hour - minute;
  gone.look(() => ['lives', 'session-1000', 'back']);
  t.notOk(await memory.accept('session-1', 7), 'not yet: it could come back');
  time.now += minute;
  gone.look(() => ['lives', 'session-1000']);
  t.same([...memory.keys()], ['session-1000', 'back']);
  t.notOk(await memory.accept('session-1000', 7));
  t.notOk(await memory.accept('back', 7), 'its hour begins when it is missing again');
  await memory.stop();
  t.equal(readFileSync(path, 'utf8').trimEnd().split('\n').length, 3);
});
